import { expect } from '@jest/globals';
import { middlewareContract } from '@sallyport/testkit';
import { idempotency } from '@sallyport/idempotency';

middlewareContract({
  name: 'idempotency',
  create: idempotency,
  options: { scope: 'public' },
  request: (url, count) => fetch(url, { method: 'POST', headers: { 'Idempotency-Key': `"request ${count}"` } }),
  expectDegraded: (response) => {
    expect(response.status).toBe(503);
    expect(response.headers.get('Retry-After')).toBe('1');
  },
  policies: { open: (response) => expect(response.status).toBe(200) },
  badOptions: {
    scope: [undefined, null, '', 'private', 7],
    header: ['', 'two words', null],
    required: ['yes', 1, null],
    acceptBareKey: ['no', null],
    methods: [[], 'POST', ['TRACE'], ['post'], null],
    fingerprint: ['body', null],
    leaseMs: [499, 1.5, Number.NaN, '10', null],
    maxRunMs: [499, -1, null],
    retentionMs: [499, 600, Number.POSITIVE_INFINITY, null],
    wait: ['yes', null],
    waitMs: [0, 1.5, null],
    onLargeBody: ['keep', null],
    maxBodyBytes: [-1, 1.5, null],
  },
});
