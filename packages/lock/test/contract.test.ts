import { expect } from '@jest/globals';
import { storeContract } from '@sallyport/testkit';
import { createLock } from '@sallyport/lock';

storeContract({
  name: 'lock',
  create: createLock,
  // Held and not released: what is stored stays to be looked at.
  use: (lock) => lock.tryAcquire('stock:7', { leaseMs: 60_000 }),
  expectDegraded: (outcome) =>
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ERR_LOCK_UNAVAILABLE' } }),
  storedKey: 'stock:7',
  lacks: ['onStoreFailure', 'skip'],
});
