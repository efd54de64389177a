// Bounds every call to Redis on a request's path: a deadline from a local timer, and a circuit breaker so that an outage
// costs one waiting request per quarter second instead of all of them. It decides nothing about what a failure means: that
// is each package's `onStoreFailure`.
//
//   closed ──5 failures in a row──► open ──250 ms──► half-open: one call probes ──► closed | open

import { once, type EventEmitter } from 'node:events';
import { messageOf, StoreUnavailableError, type StoreFailure } from './errors.js';
import type { RedisClient } from './redis-client.js';

const FAILURES_TO_OPEN = 5;
const OPEN_MS = 250;
const MAY_SEND = /^(ready|connect|connecting|wait)$/;
/** Replies that say "this server cannot serve now", as opposed to "this command is wrong". */
const DOWN = /(^|: -)(LOADING|READONLY|OOM|CLUSTERDOWN|MASTERDOWN|BUSY|NOREPLICAS|TRYAGAIN|MISCONF|NOAUTH|UNBLOCKED)\b/;

export interface StoreGuardOptions {
  readonly redis: RedisClient;
  /** Package name, for error messages. */
  readonly packageName: string;
  /** How long a call may take, in milliseconds. */
  readonly deadlineMs: number;
  /** Monotonic clock in milliseconds. @default performance.now */
  readonly now?: () => number;
}

/** Runs store calls under a deadline and a breaker. */
export interface StoreGuard {
  /**
   * Resolves with the operation's result, or rejects with StoreUnavailableError within the deadline.
   *
   * @param onLate receives a result that came after the deadline, so that its effect can be undone; must not throw
   */
  run<T>(operation: () => Promise<T>, onLate?: (result: T) => void): Promise<T>;
}

/** Gives the guard that one middleware instance puts around all its calls to one client. */
export function createStoreGuard(options: StoreGuardOptions): StoreGuard {
  const { redis, packageName, deadlineMs, now = () => performance.now() } = options;
  let failures = 0;
  let openUntil = 0;
  let probing = false;

  function unavailable(reason: StoreFailure, detail: string, cause?: unknown): StoreUnavailableError {
    return new StoreUnavailableError(packageName, reason, detail, cause);
  }

  function fail(error: StoreUnavailableError): StoreUnavailableError {
    failures += 1;
    if (failures >= FAILURES_TO_OPEN) openUntil = now() + OPEN_MS;
    return error;
  }

  function classify(error: unknown): StoreUnavailableError {
    if (error instanceof StoreUnavailableError) return fail(error);
    const message = messageOf(error);
    if (!(error instanceof Error)) return fail(unavailable('disconnected', message, error));
    // ioredis attaches the command with its arguments: whoever logs the cause must not log values and tokens.
    Reflect.deleteProperty(error, 'command');
    // A TypeError comes from a reply of the wrong shape.
    const isReply = error.name === 'ReplyError' || error.name === 'TypeError';
    if (!isReply || DOWN.test(message)) return fail(unavailable(isReply ? 'reply' : 'disconnected', message, error));
    // A server that says that the command is wrong (WRONGTYPE, a script error) is well.
    failures = 0;
    return unavailable('reply', message, error);
  }

  function run<T>(operation: () => Promise<T>, onLate?: (result: T) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      // Known at no cost, and over as soon as the client has reconnected: not a matter for the breaker.
      if (!MAY_SEND.test(redis.status)) throw unavailable('disconnected', `the client's status is "${redis.status}"`);
      const isTripped = failures >= FAILURES_TO_OPEN;
      if (isTripped && (probing || now() < openUntil)) throw unavailable('circuit-open', `${failures} calls failed`);
      if (isTripped) probing = true;
      let isSettled = false;
      const expire = () => settle(() => reject(fail(unavailable('deadline', `no answer in ${deadlineMs} ms`))));
      // When a busy event loop makes the timer late, the answer may be in the socket already: it is read before the
      // immediate runs, and wins.
      const timer = setTimeout(() => setImmediate(expire), deadlineMs);
      function settle(how: () => void): void {
        if (isSettled) return;
        isSettled = true;
        if (isTripped) probing = false;
        clearTimeout(timer);
        how();
      }
      // A client that is still connecting is waited for; when the caller has given up meanwhile, nothing is sent.
      async function send(): Promise<T> {
        if (redis.status !== 'ready') await becomeReady(redis);
        if (isSettled) throw unavailable('deadline', 'not sent');
        return await operation();
      }
      function succeed(result: T): void {
        if (isSettled) return onLate?.(result);
        failures = 0;
        settle(() => resolve(result));
      }
      send()
        .then(succeed, (error: unknown) => settle(() => reject(classify(error))))
        .catch((error: unknown) => process.emitWarning(`onLate failed: ${messageOf(error)}`, 'SallyportWarning'));
    });
  }

  return { run };
}

/** One shared wait per client, so that a thousand requests at start add two listeners and not two thousand. */
const waits = new WeakMap<RedisClient, Promise<unknown>>();

/** Waits until a connecting client is ready. */
function becomeReady(redis: RedisClient): Promise<unknown> {
  // A lazy client connects when it is first used. What this PING answers does not matter.
  if (redis.status === 'wait') redis.call('ping').catch(() => undefined);
  // `once` also rejects on the client's next "error": connecting has failed.
  const wait = waits.get(redis) ?? once(redis as unknown as EventEmitter, 'ready').finally(() => waits.delete(redis));
  waits.set(redis, wait);
  return wait;
}
