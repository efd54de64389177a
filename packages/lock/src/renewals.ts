// Renews the leases of one lock instance together. Leases ask on a common grid of times (lease-time.ts), so those asked
// for within some milliseconds go in one call: one for all on a single Redis, one per slot on a Cluster.

import { masterClients, type RedisClient } from '@sallyport/core';
import { extendScript, MAX_BATCH } from './scripts/extend.js';
import { slotOf } from './slot.js';

const GATHER_MS = 3;

/** How one renewal of a batch is answered. */
interface Renewal {
  readonly key: string;
  readonly owner: string;
  readonly leaseMs: number;
  readonly resource: string;
  readonly resolve: (remainingMs: number | undefined) => void;
  readonly reject: (error: unknown) => void;
  readonly onLate: (remainingMs: number | undefined) => void;
}

/** How a call to Redis is made. */
export interface RenewalsOptions {
  readonly redis: RedisClient;
  /** Runs it under the deadline; `onLate` receives an answer that came after that. */
  readonly run: <T>(call: () => Promise<T>, onLate: (result: T) => void) => Promise<T>;
  /** Makes the error for one of the leases. */
  readonly failed: (resource: string, error: unknown) => unknown;
}

/** The renewals of one lock instance. */
export class Renewals {
  readonly #options: RenewalsOptions;
  #waiting: Renewal[] = [];

  constructor(options: RenewalsOptions) {
    this.#options = options;
  }

  /** Renews one lease with the others that are due. @returns milliseconds that remain, `undefined` when it is not ours */
  renew(request: Omit<Renewal, 'resolve' | 'reject'>): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      // Timers for the same time do not all run in the same turn.
      if (this.#waiting.length === 0) setTimeout(() => this.#send(), GATHER_MS);
      this.#waiting.push({ ...request, resolve, reject });
    });
  }

  #send(): void {
    const { redis } = this.#options;
    const isCluster = masterClients(redis)[0] !== redis;
    const batches = new Map<number, Renewal[]>();
    for (const renewal of this.#waiting) {
      const slot = isCluster ? slotOf(renewal.key) : 0;
      const batch = batches.get(slot);
      if (batch === undefined) batches.set(slot, [renewal]);
      else batch.push(renewal);
    }
    this.#waiting = [];
    for (const renewals of batches.values()) {
      for (let from = 0; from < renewals.length; from += MAX_BATCH)
        void this.#run(renewals.slice(from, from + MAX_BATCH));
    }
  }

  async #run(batch: readonly Renewal[]): Promise<void> {
    const keys = batch.map(({ key }) => key);
    const args = batch.flatMap(({ owner, leaseMs }) => [owner, leaseMs]);
    const late = (remaining: (number | undefined)[]) => batch.forEach(({ onLate }, index) => onLate(remaining[index]));
    const { redis, run, failed } = this.#options;
    try {
      const remaining = await run(() => extendScript.run(redis, keys, args), late);
      batch.forEach(({ resolve }, index) => resolve(remaining[index]));
    } catch (error) {
      for (const { reject, resource } of batch) reject(failed(resource, error));
    }
  }
}
