// Decides about keys, without HTTP: asks Redis under a deadline, and falls back to the policy for its failure.

import { buildKey, clearPrefix, createEventSink, createStoreGuard, StoreUnavailableError } from '@sallyport/core';
import { algorithms, type Algorithm } from './algorithms/algorithms.js';
import { ChargeLedger } from './charge-ledger.js';
import type { Decision, Undecided, Verdict } from './decision.js';
import type { RateLimitEvent } from './events.js';
import { LocalLimiter } from './local-limiter.js';
import type { RateLimitSettings } from './options.js';

/** Counts keys against one policy. */
export interface Limiter {
  /** Decides about one request for `key`, and charges it when it is admitted. Sends its command at once; never rejects. */
  consume(key: string): Promise<Decision | Undecided>;
  /** Where `key` stands, without charging; `undefined` when nothing counts against it. */
  get(key: string): Promise<Decision | undefined>;
  /** Forgets what was counted; `true` when there was something. */
  delete(key: string): Promise<boolean>;
  /** Forgets all keys of this limiter. @returns how many Redis held */
  clear(): Promise<number>;
  /** Frees the memory that counts while Redis is away. */
  close(): void;
}

/** Gives the limiter for checked options. Does no I/O. */
export function createLimiter(settings: RateLimitSettings): Limiter {
  const { redis, limit, windowMs, name, prefix, onStoreFailure, deadlineMs, onEvent } = settings;
  const { code, script, createCounter }: Algorithm = algorithms[settings.algorithm];
  const guard = createStoreGuard({ redis, packageName: 'rate-limit', deadlineMs });
  const events = createEventSink<RateLimitEvent>('rate-limit', onEvent);
  const ledger = new ChargeLedger();
  const local = new LocalLimiter(() => createCounter({ limit, windowMs }));
  const ownPrefix = `${prefix}${name}:${code}:`;
  const keyOf = (key: string) => buildKey(ownPrefix, key);

  async function charge(key: string): Promise<Verdict> {
    const ticket = ledger.open();
    try {
      const { instance, sequence, oldest } = ticket;
      return await script.run(redis, [keyOf(key)], [limit, windowMs, 1, instance, sequence, oldest]);
    } finally {
      ledger.close(ticket);
    }
  }

  function decided(key: string, verdict: Verdict, source: Decision['source']): Decision {
    return { name, key, limit, ...verdict, source };
  }

  function report(decision: Decision): Decision {
    if (!events.isActive) return decision;
    const { isAllowed, ...rest } = decision;
    events.emit({ type: isAllowed ? 'allowed' : 'rejected', ...rest });
    return decision;
  }

  async function consume(key: string): Promise<Decision | Undecided> {
    try {
      return report(decided(key, await guard.run(() => charge(key)), 'redis'));
    } catch (error) {
      // The guard rejects with nothing else; anything else is a defect that must be seen.
      if (!(error instanceof StoreUnavailableError)) throw error;
      events.emit({ type: 'store-failure', name, key, policy: onStoreFailure, reason: error.reason, error });
      if (onStoreFailure === 'local') return report(decided(key, local.take(key), 'local'));
      return { source: 'none', isAllowed: onStoreFailure === 'open' };
    }
  }

  return {
    consume,
    async get(key) {
      // A peek is no decision of the ledger: -1 is nobody's instance.
      const verdict = await guard.run(() => script.run(redis, [keyOf(key)], [limit, windowMs, 0, -1, 0, 0]));
      return verdict.resetMs === 0 ? undefined : decided(key, verdict, 'redis');
    },
    async delete(key) {
      const hadLocal = local.delete(key);
      return Number(await guard.run(() => redis.call('unlink', keyOf(key)))) > 0 || hadLocal;
    },
    async clear() {
      local.clear();
      return clearPrefix(redis, ownPrefix);
    },
    close: () => local.clear(),
  };
}
