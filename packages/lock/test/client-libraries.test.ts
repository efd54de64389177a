import { describe, expect, it } from '@jest/globals';
import { dedicatedRedis, until } from '@sallyport/testkit';
import * as six from 'ioredis';
import * as five from 'ioredis5';
import { createFencedWriter, createLock } from '@sallyport/lock';

const server = await dedicatedRedis();
const clients = [
  ['ioredis 6', () => new six.Redis(server.url)],
  ['ioredis 6 on RESP2', () => new six.Redis(server.url, { protocol: 2 })],
  ['ioredis 5', () => new five.Redis(server.url)],
] as const;

describe.each(clients)('with %s', (name, connect) => {
  it('locks are taken, waited for, renewed and given back', async () => {
    const [first, second] = [connect(), connect()];
    const [holding, waiting] = [first, second].map((redis) =>
      createLock({ redis, prefix: `${name.replaceAll(' ', '-')}:`, deadlineMs: 5_000 }),
    );
    if (holding === undefined || waiting === undefined) throw new Error('two locks');
    const holder = await holding.acquire('a', { leaseMs: 600 });
    const waits = [1, 2].map(() => waiting.acquire('a', { leaseMs: 5_000, waitMs: 20_000 }));
    await until(async () => (await holding.get('a'))?.waiting === 2);
    const startedAt = performance.now();
    await until(() => performance.now() - startedAt > 900, { timeoutMs: 5_000 });
    holder.assertHeld();
    expect(await holder.release()).toStrictEqual({ released: true });
    const next = await waits[0];
    expect(next?.token).toBeGreaterThan(holder.token);
    const writer = createFencedWriter({ redis: second, deadlineMs: 5_000 });
    expect(await writer.run(Number(next?.token), 'set', `key ${name}`, 'x', 'EX', 60)).toMatchObject({
      accepted: true,
    });
    expect(await writer.run(holder.token, 'get', `key ${name}`)).toMatchObject({ accepted: false });
    await next?.release();
    expect(await (await waits[1])?.release()).toStrictEqual({ released: true });
    first.disconnect();
    second.disconnect();
  });
});
