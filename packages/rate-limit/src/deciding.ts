// One question about one key: answered from what this process knows already, by Redis under a deadline, or by the policy
// for its failure. Which methods a caller has for it is `limiter.ts`.
//
//   permit of a block │ remembered denial ──else──► Redis ──fails──► the same rules in memory │ admitted │ refused

import { createEventSink, createStoreGuard, StoreUnavailableError } from '@sallyport/core';
import { argumentsFor, decideScript, type DecideCommand } from './decide-command.js';
import { decisionOf, type Decision } from './decision.js';
import { DeniedCache } from './denied-cache.js';
import type { DecisionEvent, RateLimitEvent } from './events.js';
import { LocalLimiter } from './local-limiter.js';
import type { LimiterSettings } from './options.js';
import { PermitBlocks } from './permit-blocks.js';
import { PACKAGE_NAME, type PolicySet } from './policies.js';
import { sendOnce } from './send-once.js';

/** Where a decision was made. */
export type DecisionSource = DecisionEvent['source'];

/** A key in the words of Redis and of the caller. */
export interface Subject {
  readonly key: string;
  readonly redisKey: string;
  readonly set: PolicySet;
}

/** Answers questions, and forgets on demand. Rejects with {@link StoreUnavailableError} only in `order`. */
export class Deciding {
  readonly #settings: LimiterSettings;
  readonly #guard;
  // A block and, when it does not fit, a single permit: both together within the deadline.
  readonly #halfGuard;
  readonly #blocks: PermitBlocks | undefined;
  readonly #once;
  readonly #events;
  readonly #local: LocalLimiter;
  readonly #denied: DeniedCache;

  constructor(settings: LimiterSettings) {
    const { redis, set, penalty, deadlineMs, onEvent } = settings;
    this.#settings = settings;
    this.#guard = createStoreGuard({ redis, packageName: PACKAGE_NAME, deadlineMs });
    this.#halfGuard = createStoreGuard({ redis, packageName: PACKAGE_NAME, deadlineMs: Math.ceil(deadlineMs / 2) });
    this.#blocks = settings.blocks && set && new PermitBlocks(settings.blocks, set);
    this.#once = sendOnce(redis);
    this.#events = createEventSink<RateLimitEvent>(PACKAGE_NAME, onEvent);
    this.#local = new LocalLimiter(settings.instances);
    // Each rejection must reach Redis where it counts as a strike.
    this.#denied = new DeniedCache(penalty === undefined ? settings.deniedCacheMs : 0);
  }

  /** A decision, and where it was made. */
  async decide(subject: Subject, command: DecideCommand): Promise<[Decision, DecisionSource]> {
    const { key, redisKey, set } = subject;
    const { cost } = command;
    const isSingle = set === this.#settings.set && command.mode === 'consume' && cost === 1;
    const blocks = isSingle ? this.#blocks : undefined;
    const held = blocks?.take(redisKey);
    if (held !== undefined) return this.#report(held, 'block');
    const known = this.#denied.get(redisKey, set, cost);
    if (known !== undefined) return this.#report(known, 'denied-cache');
    const askedAt = performance.now();
    try {
      const block = blocks?.claim(redisKey, key, (size) =>
        this.order(subject, { mode: 'consume', cost: size }, this.#halfGuard),
      );
      const by = block === undefined ? this.#guard : this.#halfGuard;
      const decision = (await block) ?? decisionOf(await this.order(subject, command, by), set, key, cost);
      this.#denied.remember(redisKey, set, decision, askedAt);
      return this.#report(decision, 'redis');
    } catch (error) {
      this.#reportFailure(key, error);
      return this.#report(this.#degraded(subject, command), 'local');
    }
  }

  /** Has Redis carry out `command`; the numbers of its reply. @throws {StoreUnavailableError} */
  order({ redisKey, set }: Subject, command: DecideCommand, by = this.#guard): Promise<readonly number[]> {
    return by.run(() => decideScript.run(this.#once, [redisKey], argumentsFor(set, command)));
  }

  /** Carries out `command` in this process's memory only. */
  orderLocally({ redisKey, set }: Subject, command: DecideCommand): readonly number[] {
    return this.#local.decide(redisKey, set, command);
  }

  /** Settles a reservation where it was made; whether it was recorded. */
  async settle(
    subject: Subject,
    id: string,
    estimate: number,
    actual: number,
    source: DecisionSource,
  ): Promise<boolean> {
    const { key } = subject;
    const { name } = this.#settings;
    const command: DecideCommand = { mode: 'settle', cost: 0, id, actual };
    let isRecorded = false;
    try {
      const reply = source === 'local' ? this.orderLocally(subject, command) : await this.order(subject, command);
      isRecorded = reply[0] === 3;
    } catch (error) {
      // The lease ends by itself: nothing is lost but the difference.
      this.#reportFailure(key, error);
    }
    this.#denied.delete(subject.redisKey);
    if (this.#events.isActive) this.#events.emit({ type: 'settled', name, key, estimate, actual, isRecorded });
    return isRecorded;
  }

  /** Removes what Redis and this process know of a client; whether there was anything. @throws {StoreUnavailableError} */
  async delete(redisKey: string): Promise<boolean> {
    const hadLocal = this.#local.delete(redisKey);
    this.forgetAnswers(redisKey);
    return Number(await this.#guard.run(() => this.#settings.redis.call('unlink', redisKey))) > 0 || hadLocal;
  }

  /** The next question about the key is for Redis. */
  forgetAnswers(redisKey: string): void {
    this.#denied.delete(redisKey);
    this.#blocks?.delete(redisKey);
  }

  /** Forgets everything that this process knows. */
  clear(): void {
    this.#local.clear();
    this.#denied.clear();
    this.#blocks?.clear();
  }

  #degraded(subject: Subject, command: DecideCommand): Decision {
    const { key, redisKey, set } = subject;
    const { onStoreFailure } = this.#settings;
    const { cost } = command;
    if (onStoreFailure === 'local') {
      const reply = this.#local.decide(redisKey, set, command);
      const decision = decisionOf(reply, this.#local.shareOf(set), key, cost);
      const outcome = 'degraded';
      return decision.isAllowed ? { ...decision, outcome, reason: 'store-failure' } : { ...decision, outcome };
    }
    const isAllowed = onStoreFailure === 'open';
    const retryAfterMs = isAllowed ? 0 : 1000;
    return { outcome: 'degraded', isAllowed, key, cost, policies: [], reason: 'store-failure', retryAfterMs };
  }

  #report(decision: Decision, source: DecisionSource): [Decision, DecisionSource] {
    if (this.#events.isActive) {
      const { name, shadow = false } = this.#settings;
      this.#events.emit({ type: decision.outcome, name, key: decision.key, decision, source, isShadow: shadow });
    }
    return [decision, source];
  }

  #reportFailure(key: string, error: unknown): void {
    // The guard rejects with nothing else; anything else is a defect that must be seen.
    if (!(error instanceof StoreUnavailableError)) throw error;
    const { name, onStoreFailure: policy } = this.#settings;
    this.#events.emit({ type: 'store-failure', name, key, policy, reason: error.reason, error });
  }
}
