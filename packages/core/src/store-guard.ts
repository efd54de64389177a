// Bounds every call to Redis on a request's path: a deadline from a local timer, and a circuit breaker so that an outage
// costs one waiting request per quarter second instead of all of them. It decides nothing about what a failure means: that
// is each package's `onStoreFailure`.
//
//   closed ──5 failures in a row──► open ──250 ms──► half-open: one call probes ──► closed | open

import { once, type EventEmitter } from 'node:events';
import { StoreUnavailableError } from './errors.js';
import type { RedisClient } from './redis-client.js';

const FAILURES_TO_OPEN = 5;
const OPEN_MS = 250;
const MAY_SEND = /^(ready|connect|connecting|wait)$/;
/** Replies that say "this server cannot serve now", as opposed to "this command is wrong". */
const OUTAGE = /^(LOADING|READONLY|OOM|CLUSTERDOWN|MASTERDOWN|BUSY|NOREPLICAS|TRYAGAIN|MISCONF|NOAUTH|UNBLOCKED)\b/;

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

  function fail(error: StoreUnavailableError): StoreUnavailableError {
    failures += 1;
    if (failures >= FAILURES_TO_OPEN) openUntil = now() + OPEN_MS;
    return error;
  }

  function classify(error: unknown): StoreUnavailableError {
    if (error instanceof StoreUnavailableError) return fail(error);
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    // A TypeError comes from a reply of the wrong shape.
    const isReply = name === 'ReplyError' || name === 'TypeError';
    const failure = new StoreUnavailableError(packageName, isReply ? 'reply' : 'disconnected', message, error);
    if (!isReply || OUTAGE.test(message)) return fail(failure);
    // A server that says that the command is wrong (WRONGTYPE, a script error) is well.
    failures = 0;
    return failure;
  }

  function run<T>(operation: () => Promise<T>, onLate?: (result: T) => void): Promise<T> {
    // Known at no cost, and over as soon as the client has reconnected: not a matter for the breaker.
    if (!MAY_SEND.test(redis.status)) {
      const detail = `the client's status is "${redis.status}"`;
      return Promise.reject(new StoreUnavailableError(packageName, 'disconnected', detail));
    }
    const isTripped = failures >= FAILURES_TO_OPEN;
    if (isTripped && (probing || now() < openUntil)) {
      return Promise.reject(
        new StoreUnavailableError(packageName, 'circuit-open', `the last ${failures} calls failed`),
      );
    }
    if (isTripped) probing = true;
    return new Promise<T>((resolve, reject) => {
      let isSettled = false;
      // When a busy event loop makes the timer late, the answer may be in the socket already: it is read before the
      // immediate runs, and wins.
      const timer = setTimeout(() => setImmediate(expire), deadlineMs);
      function expire() {
        if (isSettled) return;
        settle(() => reject(fail(new StoreUnavailableError(packageName, 'deadline', `no answer in ${deadlineMs} ms`))));
      }
      // A client that is still connecting is waited for; when the caller has given up meanwhile, nothing is sent.
      async function send(): Promise<T> {
        if (redis.status !== 'ready') await becomeReady(redis);
        if (isSettled) throw new StoreUnavailableError(packageName, 'deadline', 'not sent');
        return operation();
      }
      function settle(how: () => void) {
        isSettled = true;
        if (isTripped) probing = false;
        clearTimeout(timer);
        how();
      }
      send().then(
        (result) => {
          if (isSettled) return onLate?.(result);
          failures = 0;
          settle(() => resolve(result));
        },
        (error: unknown) => {
          // After the deadline the caller has its error already; the late one adds nothing.
          if (!isSettled) settle(() => reject(classify(error)));
        },
      );
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
  let wait = waits.get(redis);
  if (wait === undefined) {
    // `once` also rejects on the client's next "error": connecting has failed.
    wait = once(redis as unknown as EventEmitter, 'ready').finally(() => waits.delete(redis));
    waits.set(redis, wait);
  }
  return wait;
}
