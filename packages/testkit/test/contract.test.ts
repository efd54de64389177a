import { expect } from '@jest/globals';
import { middlewareContract, storeContract } from '@sallyport/testkit';
import { createVisits, visits } from './subjects/visits.js';

middlewareContract({
  name: 'visits',
  create: visits,
  storedKey: 'all',
  expectHealthy: (response) => expect(Number(response.headers.get('x-visits') ?? 1)).toBeGreaterThan(0),
  expectDegraded: (response) => expect(response.status).toBe(503),
  policies: {
    open: (response) => expect([response.status, response.headers.get('x-visits')]).toStrictEqual([200, '0']),
  },
});

storeContract({
  name: 'visits',
  create: createVisits,
  storedKey: 'somebody',
  use: (store) => store.count('somebody'),
  expectDegraded: (outcome) => expect(outcome).toMatchObject({ status: 'rejected', reason: { status: 503 } }),
  policies: { open: (outcome) => expect(outcome).toStrictEqual({ status: 'fulfilled', value: 0 }) },
});
