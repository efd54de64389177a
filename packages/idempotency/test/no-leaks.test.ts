import { describe, expect, it } from '@jest/globals';
import express from 'express';
import * as fc from 'fast-check';
import { connect, listen, uniquePrefix } from '@sallyport/testkit';
import { idempotency } from '@sallyport/idempotency';
import { exchange, headerOf } from './exchange.js';

const numRuns = process.env['SALLYPORT_TEST'] === 'full' ? 1_500 : 40;

/** What a client sends; each part from few values, so that requests meet often, and nearly meet more often. */
const requests = fc.record({
  user: fc.constantFrom('ann', 'an', '["ann"', 'public', 'scope'),
  method: fc.constantFrom('POST', 'PATCH', 'PUT'),
  mount: fc.constantFrom('/shop', '/bank', '/shop/a'),
  path: fc.constantFrom('/orders', '/orders/', '/a/orders', '/orders%2f', '/ORDERS', '/n'),
  key: fc.constantFrom('"a"', 'a', '"A"', '"a\\""', '"nn"', '"/orders"'),
  query: fc.constantFrom('', '?a', '?a=1', '?a=2'),
  body: fc.constantFrom(undefined, '{}', '[]', '{"a":1}', '{"a":"1"}', '{"a":1,"b":[]}', '{"b":[],"a":1}', '0', '""'),
});

type Sent = typeof requests extends fc.Arbitrary<infer Value> ? Value : never;

/** A request, and others that differ from it in one part, or in none. */
const sequences = fc
  .tuple(
    requests,
    fc.array(fc.tuple(fc.constantFrom('none', 'user', 'method', 'mount', 'path', 'key', 'query', 'body'), requests), {
      minLength: 2,
      maxLength: 12,
    }),
  )
  .map(([base, changes]) => [
    base,
    ...changes.map(([part, other]): Sent => (part === 'none' ? base : { ...base, [part]: other[part] })),
  ]);

/** What the request is to the server: two that agree in all of it are one. */
function identityOf({ user, method, mount, path, key }: Sent, run: number): string {
  const plainKey = key.startsWith('"') ? key.slice(1, -1).replaceAll('\\', '') : key;
  return JSON.stringify([run, user, method, mount + path, plainKey]);
}

function payloadOf({ query, body }: Sent): string {
  const sorted: Record<string, string> = { '{"b":[],"a":1}': '{"a":1,"b":[]}' };
  return JSON.stringify([query, body === undefined ? null : (sorted[body] ?? body)]);
}

describe('an answer', () => {
  it('is given again to the same user, method, mount point, path, key and payload, and to no other', async () => {
    const prefix = uniquePrefix('leaks');
    const once = idempotency({
      redis: connect(),
      scope: (req) => `${req.get('X-Run')} ${req.get('X-User')}`,
      prefix,
      methods: ['POST', 'PATCH', 'PUT'],
      deadlineMs: 5_000,
    });
    let runs = 0;
    const app = express();
    app.use(express.json({ strict: false }));
    const router = () => express.Router().use(once, (_req, res) => void res.status(201).json({ run: (runs += 1) }));
    // The last mount point that fits is the innermost one.
    for (const mount of ['/shop/a', '/shop', '/bank']) app.use(mount, router());
    const { url } = await listen(app);
    let round = 0;
    let replays = 0;
    let mismatches = 0;
    await fc.assert(
      fc.asyncProperty(sequences, async (sequence) => {
        round += 1;
        const answers = new Map<string, { readonly payload: string; readonly body: string }>();
        for (const sent of sequence) {
          const headers = { 'Idempotency-Key': sent.key, 'X-User': sent.user, 'X-Run': String(round) };
          const { method, body } = sent;
          const answer = await exchange(`${url}${sent.mount}${sent.path}${sent.query}`, {
            method,
            headers,
            ...(body !== undefined && { body }),
          });
          const identity = identityOf(sent, round);
          const known = answers.get(identity);
          const isReplay = headerOf(answer, 'idempotency-replayed') === 'true';
          if (known === undefined) {
            expect([answer.status, isReplay, answer.body]).toStrictEqual([201, false, `{"run":${runs}}`]);
            answers.set(identity, { payload: payloadOf(sent), body: answer.body });
          } else if (known.payload === payloadOf(sent)) {
            expect([answer.status, isReplay, answer.body]).toStrictEqual([201, true, known.body]);
            replays += 1;
          } else {
            expect([answer.status, isReplay]).toStrictEqual([422, false]);
            mismatches += 1;
          }
        }
      }),
      { numRuns, seed: 7 },
    );
    // All three were tried.
    for (const count of [runs, replays, mismatches]) expect(count).toBeGreaterThan(numRuns / 2);
    if (numRuns > 1_000) process.stdout.write(`${runs} runs, ${replays} replays, ${mismatches} mismatches\n`);
  }, 300_000);
});
