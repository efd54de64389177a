import { describe, expect, it } from '@jest/globals';
import { connect, redisUrl, startProcess, uniquePrefix, until } from '@sallyport/testkit';
import { exchange, headerOf } from './exchange.js';
import type { ShopProcessArguments } from './shop-process.js';

const redis = connect();
const module = new URL('./shop-process.ts', import.meta.url);

function startShop(args: ShopProcessArguments) {
  return startProcess<string>({ module, args, timeoutMs: 30_000 });
}

describe('processes that share a Redis', () => {
  it('run one of 50 duplicates, and give all the others 409 or the one answer', async () => {
    const args = { url: redisUrl(), prefix: uniquePrefix('race'), leaseMs: 10_000 };
    const shops = await Promise.all([startShop(args), startShop(args)]);
    const send = (index: number) =>
      exchange(`${shops[index % 2]?.value}/orders`, { headers: { 'Idempotency-Key': '"a"' } });
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => send(index)));
    expect(await redis.get(`${args.prefix}runs`)).toBe('1');
    const done = answers.filter(({ status }) => status === 201);
    expect(done.length).toBeGreaterThanOrEqual(1);
    expect(done.filter((answer) => headerOf(answer, 'idempotency-replayed') === undefined)).toHaveLength(1);
    expect(new Set(done.map(({ body }) => body))).toStrictEqual(new Set(['{"order":1}']));
    for (const { status } of answers) expect([201, 409]).toContain(status);
    for (const index of [0, 1]) expect((await send(index)).body).toBe('{"order":1}');
  }, 40_000);

  it('answer a retry within one lease after kill -9 of the process that ran it', async () => {
    const args = { url: redisUrl(), prefix: uniquePrefix('crash'), leaseMs: 1_500 };
    const [dying, living] = await Promise.all([startShop(args), startShop(args)]);
    const headers = { 'Idempotency-Key': '"a"' };
    const lost = exchange(`${dying.value}/orders`, { headers: { ...headers, 'X-Hang': '1' } });
    const howLost = lost.catch((error: unknown) => error);
    await until(async () => (await redis.get(`${args.prefix}runs`)) === '1', { timeoutMs: 5_000 });
    const retry = () => exchange(`${living.value}/orders`, { headers });
    const whileRunning = await retry();
    expect([whileRunning.status, headerOf(whileRunning, 'retry-after')]).toStrictEqual([409, '2']);
    await dying.kill('SIGKILL');
    expect(await howLost).toMatchObject({ code: 'ECONNRESET' });
    const killedAt = performance.now();
    await until(async () => (await retry()).status === 201, { timeoutMs: 10_000, everyMs: 20 });
    expect(performance.now() - killedAt).toBeLessThan(args.leaseMs + 500);
    expect((await retry()).body).toBe('{"order":2}');
  }, 40_000);
});
