import { beforeAll, describe, expect, it } from '@jest/globals';
import { connect, redisUrl, startProcess, uniquePrefix, until } from '@sallyport/testkit';
import { exchange, headerOf, type Exchange } from './exchange.js';
import type { ShopProcessArguments } from './shop-process.js';

const isFull = process.env['SALLYPORT_TEST'] === 'full';
const DUPLICATES = isFull ? 1_000 : 200;
const redis = connect();
const module = new URL('./shop-process.ts', import.meta.url);

const args: ShopProcessArguments = { url: redisUrl(), prefix: uniquePrefix('race'), leaseMs: 10_000 };
const countOf = async (what: string) => Number(await redis.get(`${args.prefix}${what}`));
const headers = { 'Idempotency-Key': '"a"' };

describe('processes that share a Redis', () => {
  let shops: string[] = [];
  beforeAll(async () => {
    const started = await Promise.all(
      Array.from({ length: 4 }, () => startProcess<string>({ module, args, timeoutMs: 60_000 })),
    );
    shops = started.map(({ value }) => value);
  }, 60_000);

  it('run one of 50 duplicates, and give all the others 409 or the one answer', async () => {
    const send = (index: number) => exchange(`${shops[index % 4]}/orders`, { headers });
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => send(index)));
    expect(await countOf('runs /orders')).toBe(1);
    const done = answers.filter(({ status }) => status === 201);
    expect(done.length).toBeGreaterThanOrEqual(1);
    expect(done.filter((answer) => headerOf(answer, 'idempotency-replayed') === undefined)).toHaveLength(1);
    expect(new Set(done.map(({ body }) => body))).toStrictEqual(new Set(['{"order":1}']));
    for (const { status } of answers) expect([201, 409]).toContain(status);
    for (const index of [0, 1, 2, 3]) expect((await send(index)).body).toBe('{"order":1}');
  }, 40_000);

  it('run one of many duplicates that wait, and give all the others its very answer', async () => {
    const answers = Array.from({ length: DUPLICATES }, (_, index) =>
      exchange(`${shops[index % 4]}/waited`, { headers }),
    );
    await until(async () => (await countOf('waiting')) === DUPLICATES - 1, { timeoutMs: 30_000, everyMs: 20 });
    const endedAt = performance.now();
    const arrivals = answers.map((answer) => answer.then(() => performance.now() - endedAt));
    await redis.lpush(`${args.prefix}gate`, 'open');
    const all = await Promise.all(answers);
    const fresh = all.filter((answer) => headerOf(answer, 'idempotency-replayed') === undefined);
    expect(fresh.map(({ status }) => status)).toStrictEqual([201]);
    const [{ body } = { body: '' }] = fresh;
    const replayed = all.filter((answer) => headerOf(answer, 'idempotency-replayed') === 'true');
    expect(replayed).toHaveLength(DUPLICATES - 1);
    const asSent = ({ headers, ...rest }: Exchange) => ({
      ...rest,
      headers: headers.filter(([name]) => name !== 'Date'),
    });
    const different = new Set(replayed.map((answer) => JSON.stringify(asSent(answer))));
    expect([different.size, replayed[0]?.status, replayed[0]?.body]).toStrictEqual([1, 201, body]);
    expect(await countOf('runs /waited')).toBe(1);
    if (isFull) {
      const sorted = (await Promise.all(arrivals)).toSorted((a, b) => a - b);
      process.stdout.write(`999 woken: median ${sorted[500]?.toFixed()} ms, last ${sorted.at(-1)?.toFixed()} ms\n`);
    }
  }, 60_000);
});
