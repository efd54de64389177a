// Several leases as one: all or none. They are taken one after the other in an order that is the same for everybody, so
// that two callers never wait for each other.

import type { Lease } from './lease.js';
import type { ReleaseResult } from './scripts/release.js';

/** Leases on several resources. */
export interface LeaseSet {
  /** In the order in which the resources were named, each once. */
  readonly leases: readonly Lease[];
  /** Aborts when one of the leases is lost; the reason is its LockLostError. */
  readonly signal: AbortSignal;
  /** Milliseconds until `signal` aborts if no renewal succeeds. */
  readonly remainingMs: number;
  /** The fencing token of the lease on `resource`. @throws {RangeError} when there is none in this set */
  tokenOf(resource: string): number;
  /** @throws {LockLostError} when one of the leases is lost */
  assertHeld(): void;
  /** Makes all leases last at least `leaseMs` from now. @throws {LockLostError} {LockUnavailableError} */
  extend(leaseMs: number): Promise<void>;
  /** Gives all back, the last one taken first. Never rejects. @returns what became of each, in the order of `leases` */
  release(): Promise<readonly ReleaseResult[]>;
  /** The same as {@link release}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** The order in which everybody takes locks: each once, by code units. */
export function inOrder(resources: readonly string[]): string[] {
  return [...new Set(resources)].toSorted((a, b) => (a < b ? -1 : 1));
}

/**
 * Takes all resources by `acquire`, or none.
 *
 * @throws what `acquire` throws, after what was taken has been given back; {LockLostError} when one was lost meanwhile
 */
export async function acquireAll(
  resources: readonly string[],
  acquire: (resource: string) => Promise<Lease>,
): Promise<LeaseSet> {
  const taken = new Map<string, Lease>();
  try {
    for (const resource of inOrder(resources)) taken.set(resource, await acquire(resource));
    for (const lease of taken.values()) lease.assertHeld();
  } catch (error) {
    await releaseAll([...taken.values()]);
    throw error;
  }
  return leaseSetOf([...new Set(resources)].flatMap((resource) => taken.get(resource) ?? []));
}

async function releaseAll(leases: readonly Lease[]): Promise<ReleaseResult[]> {
  const byOrder = inOrder(leases.map(({ resource }) => resource)).toReversed();
  const results = new Map(
    byOrder.map((resource) => [resource, leases.find((lease) => lease.resource === resource)?.release()]),
  );
  return Promise.all(leases.map(async ({ resource }) => (await results.get(resource)) as ReleaseResult));
}

function leaseSetOf(leases: readonly Lease[]): LeaseSet {
  const signal = AbortSignal.any(leases.map((lease) => lease.signal));
  const set: LeaseSet = {
    leases,
    get signal() {
      // Looking at each tells the truth also when no timer has run since.
      for (const lease of leases) void lease.signal;
      return signal;
    },
    get remainingMs() {
      return Math.min(...leases.map((lease) => lease.remainingMs));
    },
    tokenOf(resource) {
      const lease = leases.find((each) => each.resource === resource);
      if (lease === undefined) throw new RangeError(`There is no lease on "${resource}" in this set`);
      return lease.token;
    },
    assertHeld() {
      for (const lease of leases) lease.assertHeld();
    },
    async extend(leaseMs) {
      await Promise.all(leases.map((lease) => lease.extend(leaseMs)));
    },
    release: () => releaseAll(leases),
    async [Symbol.asyncDispose]() {
      await set.release();
    },
  };
  return set;
}
