// Leases on a majority of independent masters (the Redlock algorithm). A lease counts from before the first command, is
// good for what is then left of it, and a try that ends without a majority is rolled back everywhere before the next.
// There is no line here: independent masters cannot agree on one. Who waits tries again after a random pause.

import { refuse } from '@sallyport/core';
import { LockAbortedError, LockTimeoutError, LockUnavailableError } from './errors.js';
import type { Holdings } from './holdings.js';
import { localEnd } from './lease-time.js';
import type { Lease } from './lease.js';
import type { LeaseRequest, LockStore } from './lock-store.js';
import { newOwner, newProcessId } from './owner.js';
import { enough, type Votes } from './majority.js';
import type { RedisNode } from './redis-node.js';
import { UNLIMITED } from './scripts/queue.js';
import type { HeldLock } from './scripts/inspect.js';
import type { ReleaseResult } from './scripts/release.js';
import type { Attempt, WaitLimits } from './waiting.js';

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 160;

export class Quorum implements LockStore {
  readonly #nodes: readonly RedisNode[];
  readonly #majority: number;
  readonly #holdings: Holdings;
  readonly #processId = newProcessId();
  readonly #sleepers = new Set<() => void>();
  #isClosed = false;

  constructor(nodes: readonly RedisNode[], holdings: Holdings) {
    this.#nodes = nodes;
    this.#majority = Math.floor(nodes.length / 2) + 1;
    this.#holdings = holdings;
  }

  async tryOnce({ resource, leaseMs, limit }: LeaseRequest): Promise<Attempt<Lease>> {
    checkLimit(limit);
    const owner = newOwner(limit, this.#processId);
    const sentAt = performance.now();
    const isOver = () => performance.now() >= localEnd(sentAt, leaseMs);
    let isWanted = true;
    const request = { resource, owner, leaseMs, isWaiting: false };
    const votes = await this.#vote((node) => node.acquire(request, () => isWanted));
    const grants = votes.answers.flatMap((reply) => (reply.isGranted ? [reply.token] : []));
    if (grants.length >= this.#majority && !isOver()) {
      const token = Math.max(...grants);
      // Without this the next majority, whose clocks may be behind, could give a smaller one.
      const raised = await this.#vote((node) => node.raiseFence(resource, owner, token));
      if (raised.answers.filter(Boolean).length >= this.#majority && !isOver()) {
        return { granted: this.#hold(resource, owner, token, leaseMs, sentAt, () => (isWanted = false)) };
      }
    }
    isWanted = false;
    await this.#release(resource, owner).catch(() => undefined);
    if (votes.failures.length > this.#nodes.length - this.#majority) {
      throw new LockUnavailableError(resource, new AggregateError(votes.failures, 'no majority of the nodes answers'));
    }
    const remaining = votes.answers.map((reply) => (reply.isGranted ? 0 : reply.holderRemainingMs));
    return { holderRemainingMs: Math.max(0, ...remaining) };
  }

  async wait(request: LeaseRequest, { waitMs, signal }: WaitLimits): Promise<Lease> {
    const { resource } = request;
    const endsAt = performance.now() + waitMs;
    for (let tries = 0; ; tries += 1) {
      const outcome = await this.tryOnce(request);
      if ('granted' in outcome) return outcome.granted;
      const pause = pauseMs(tries, outcome.holderRemainingMs, Math.random());
      await this.#sleep(Math.min(pause, endsAt - performance.now()), signal);
      if (this.#isClosed) throw new LockAbortedError(resource, new Error('the lock was closed'));
      if (signal?.aborted === true) throw new LockAbortedError(resource, signal.reason);
      if (performance.now() >= endsAt) throw new LockTimeoutError(resource, waitMs);
    }
  }

  async get(resource: string): Promise<HeldLock | undefined> {
    const { answers } = this.#answered(resource, await this.#vote((node) => node.get(resource), 'all'));
    const held = answers.filter((answer) => answer !== undefined).toSorted((a, b) => b.token - a.token);
    // One that granted after the others may count ahead: what a majority has reached is the lease's.
    return held[this.#majority - 1];
  }

  async delete(resource: string): Promise<boolean> {
    const { answers } = this.#answered(resource, await this.#vote((node) => node.evict(resource), 'all'));
    return answers.filter((count) => count > 0).length >= this.#majority;
  }

  async clear(): Promise<number> {
    const counts = await Promise.all(this.#nodes.map((node) => node.clear()));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  close(): void {
    this.#isClosed = true;
    for (const wake of this.#sleepers) wake();
  }

  /** Resolves after `ms`, or when the wait is over. */
  #sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#sleepers.delete(wake);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const timer = setTimeout(wake, Math.max(ms, 0));
      this.#sleepers.add(wake);
      signal?.addEventListener('abort', wake);
      if (this.#isClosed || signal?.aborted === true) wake();
    });
  }

  #hold(resource: string, owner: string, token: number, leaseMs: number, sentAt: number, onEnd: () => void): Lease {
    return this.#holdings.hold({
      resource,
      token,
      leaseMs,
      sentAt,
      renew: (ms) => this.#renew(resource, owner, ms),
      release: () => {
        onEnd();
        return this.#release(resource, owner);
      },
    });
  }

  /** What a majority grants at least. A lease that no majority has any more is lost; else who did not answer is asked again. */
  async #renew(resource: string, owner: string, leaseMs: number): Promise<number | undefined> {
    const votes = await this.#vote((node) => node.renew({ resource, owner, leaseMs }, () => undefined), 'all');
    const renewed = votes.answers.filter((remainingMs) => remainingMs !== undefined).toSorted((a, b) => b - a);
    if (renewed.length >= this.#majority) return renewed[this.#majority - 1];
    if (renewed.length + votes.failures.length < this.#majority) return undefined;
    throw new LockUnavailableError(resource, new AggregateError(votes.failures, 'no majority of the nodes answers'));
  }

  async #release(resource: string, owner: string): Promise<ReleaseResult> {
    const { answers } = this.#answered(resource, await this.#vote((node) => node.release(resource, owner), 'all'));
    if (answers.filter(({ released }) => released).length >= this.#majority) return { released: true };
    const isTaken = answers.some((answer) => !answer.released && answer.reason === 'taken');
    return { released: false, reason: isTaken ? 'taken' : 'expired' };
  }

  /** Asks all nodes at once; goes on as soon as a majority has answered well, unless all are to be waited for. */
  #vote<T>(ask: (node: RedisNode) => Promise<T>, wanted: 'majority' | 'all' = 'majority'): Promise<Votes<T>> {
    const { length } = this.#nodes;
    return enough(this.#nodes.map(ask), wanted === 'all' ? length : this.#majority, isYes);
  }

  /** @throws {LockUnavailableError} when no majority answered */
  #answered<T>(resource: string, votes: Votes<T>): Votes<T> {
    if (votes.answers.length >= this.#majority) return votes;
    throw new LockUnavailableError(resource, new AggregateError(votes.failures, 'no majority of the nodes answers'));
  }
}

/** Majorities of n holders each need not meet: with three masters, two permits would be three. @throws {OptionError} */
function checkLimit(limit: number): void {
  if (limit === 1 || limit === UNLIMITED) return;
  refuse({ packageName: 'lock', option: 'permits' }, 'left out when there is a `quorum`', limit);
}

/** Whether an answer counts towards a majority: a grant, a raised fence. */
function isYes(answer: unknown): boolean {
  if (typeof answer === 'object' && answer !== null && 'isGranted' in answer) return answer.isGranted === true;
  return answer !== false;
}

/**
 * How long to pause after try number `tries` (from 0): twice as long each time up to 160 ms, a random half of it taken off
 * so that processes do not ask in step, and never beyond the end of the holder's lease.
 */
export function pauseMs(tries: number, holderRemainingMs: number, random: number): number {
  const longest = Math.min(FIRST_PAUSE_MS * 2 ** tries, LONGEST_PAUSE_MS);
  const atMost = holderRemainingMs > 0 ? holderRemainingMs + 1 : Infinity;
  return Math.min(longest * (1 - random / 2), atMost);
}
