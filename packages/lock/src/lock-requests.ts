// Middleware that handles the requests of one key one at a time, over all processes. The lock is taken before the handler
// and given back when the response is over, however it ends: finished, failed, or its client gone.

import { sendProblem, type Problem } from '@sallyport/core';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { LockAbortedError, LockHeldError, LockTimeoutError, LockUnavailableError } from './errors.js';
import type { Lease } from './lease.js';
import { createLock, type Lock } from './lock.js';
import { resolveLockRequestsOptions, type LockRequestsOptions } from './request-options.js';

/** What the middleware needs of a request: that of Express 4 and 5, without depending on its types. */
export interface LockableRequest extends IncomingMessage {
  readonly originalUrl: string;
  readonly params: Readonly<Record<string, string | string[]>>;
  lease?: RequestLease;
}

/** The part of a lease that a handler uses; the middleware gives it back. */
export interface RequestLease extends Pick<Lease, 'resource' | 'token' | 'remainingMs' | 'assertHeld' | 'extend'> {
  /** Aborts when the lease is lost, and when the client has gone: then the lock is given back at once. */
  readonly signal: AbortSignal;
}

/** The middleware, with what operators need. */
export interface LockRequestsHandler extends Pick<Lock, 'get' | 'delete' | 'clear' | 'close'> {
  (req: LockableRequest, res: ServerResponse, next: (error?: unknown) => void): void;
}

const PROBLEMS = 'https://github.com/sallyport/sallyport/tree/main/packages/lock#';
const RETRY_AFTER_MS = 1_000;

/**
 * Gives middleware that lets one request per key at a time through to the handler; the others wait for their turn, or are
 * refused with 423 or 409 and `Retry-After`.
 *
 * @throws {OptionError} for an option that is wrong, unknown, or missing (`redis`, `key`)
 * @example
 * app.post('/carts/:id/checkout', lockRequests({ redis, key: (req) => `cart:${req.params.id}` }), checkout);
 */
export function lockRequests(options: LockRequestsOptions): LockRequestsHandler {
  const { redis, prefix, deadlineMs, onEvent, ...settings } = resolveLockRequestsOptions(options);
  const { key, skip, leaseMs, status, onStoreFailure } = settings;
  const waitMs = settings.mode === 'wait' ? settings.waitMs : 0;
  const lock = createLock({ redis, prefix, deadlineMs, ...(onEvent === undefined ? {} : { onEvent }) });

  /** @returns whether the handler is to run */
  async function admit(req: LockableRequest, res: ServerResponse): Promise<boolean> {
    if (await skip?.(req, res)) return true;
    const resource = await key(req);
    if (resource === undefined) return true;
    const gone = new AbortController();
    const onClose = () => gone.abort(new Error('the response is over'));
    res.once('close', onClose);
    // Its end was before the listener.
    if (res.destroyed || res.writableEnded) onClose();
    try {
      const lease = await lock.acquire(resource, { leaseMs, waitMs, signal: gone.signal });
      req.lease = handlersPart(lease, gone.signal);
      const release = () => void lease.release();
      res.once('finish', release).once('close', release);
      return true;
    } catch (error) {
      res.off('close', onClose);
      if (error instanceof LockUnavailableError && onStoreFailure === 'open') return true;
      // Nobody is there to be answered.
      if (error instanceof LockAbortedError && gone.signal.aborted) return false;
      refuse(req, res, error);
      return false;
    }
  }

  /** Answers for an error of the lock. @throws any other error */
  function refuse(req: LockableRequest, res: ServerResponse, error: unknown): void {
    if (error instanceof LockHeldError) return answer(req, res, error.holderRemainingMs, locked());
    if (error instanceof LockTimeoutError) return answer(req, res, RETRY_AFTER_MS, locked());
    if (error instanceof LockUnavailableError || error instanceof LockAbortedError) {
      return answer(req, res, RETRY_AFTER_MS, UNAVAILABLE);
    }
    throw error;
  }

  const locked = (): Problem => ({
    type: `${PROBLEMS}request-locked`,
    status,
    title: 'Another request is being handled',
    detail: 'Requests of this kind are handled one at a time. Send it again after the time in Retry-After.',
  });

  async function handle(req: LockableRequest, res: ServerResponse, next: (error?: unknown) => void): Promise<void> {
    let isAdmitted = false;
    try {
      isAdmitted = await admit(req, res);
    } catch (error) {
      return next(error);
    }
    if (isAdmitted) next();
  }

  function handler(req: LockableRequest, res: ServerResponse, next: (error?: unknown) => void): void {
    void handle(req, res, next);
  }
  return Object.assign(handler, {
    get: (resource: string) => lock.get(resource),
    delete: (resource: string) => lock.delete(resource),
    clear: () => lock.clear(),
    close: () => lock.close(),
  });
}

const UNAVAILABLE: Problem = {
  type: `${PROBLEMS}lock-unavailable`,
  status: 503,
  title: 'Service unavailable',
  detail: 'Whether another request is being handled cannot be known now. Send it again after the time in Retry-After.',
};

function answer(req: LockableRequest, res: ServerResponse, retryAfterMs: number, problem: Problem): void {
  if (!res.headersSent) res.setHeader('Retry-After', Math.max(Math.ceil(retryAfterMs / 1_000), 1));
  sendProblem(req, res, problem);
}

function handlersPart(lease: Lease, gone: AbortSignal): RequestLease {
  const { resource, token } = lease;
  const signal = AbortSignal.any([lease.signal, gone]);
  return {
    resource,
    token,
    get signal() {
      // Looking at the lease tells the truth also when no timer has run since.
      void lease.signal;
      return signal;
    },
    get remainingMs() {
      return lease.remainingMs;
    },
    assertHeld: () => lease.assertHeld(),
    extend: (leaseMs) => lease.extend(leaseMs),
  };
}
