import { describe, expect, it } from '@jest/globals';
import express from 'express';
import {
  connect,
  countingProxy,
  dedicatedCluster,
  dedicatedRedis,
  deferred,
  redisUrl,
  startProxy,
  until,
  type Deferred,
} from '@sallyport/testkit';
import type { Redis } from 'ioredis';
import { Redis as IORedis5 } from 'ioredis5';
import { request as httpRequest } from 'node:http';
import { problemTypes, type IdempotencyEvent, type IdempotencyOptions } from '@sallyport/idempotency';
import { exchange, headerOf, type Exchange } from './exchange.js';
import { openShop, placeOrder, type Shop } from './shop.js';

const isFull = process.env['SALLYPORT_TEST'] === 'full';
const ROUNDS = isFull ? 300 : 5;
const headers = { 'Idempotency-Key': '"a"' };

/** A shop whose duplicates wait. Each run waits at a gate of its own; `answer(run, status)` opens it. */
async function openWaitingShop(options: Partial<IdempotencyOptions> & { readonly redis?: Redis } = {}) {
  const gates: Deferred<number>[] = [];
  const shop = await openShop(
    express,
    (req, res, next) => {
      const gate = deferred<number>();
      gates.push(gate);
      void gate.promise.then((status) => (status === 201 ? placeOrder(req, res, next) : res.status(status).end()));
    },
    { wait: true, ...options },
  );
  const running = (run: number) => until(() => gates[run], { timeoutMs: 10_000 });
  return {
    ...shop,
    send: (sendHeaders: Readonly<Record<string, string>> = headers) => exchange(shop.url, { headers: sendHeaders }),
    running,
    async answer(run: number, status = 201) {
      (await running(run))?.resolve(status);
    },
    async areWaiting(count: number) {
      await until(() => countOf(shop, 'waiting') === count, { timeoutMs: 10_000 });
    },
  };
}

const countOf = ({ events }: Pick<Shop, 'events'>, type: string) =>
  events.filter((event) => event.type === type).length;
const isReplay = (answer: Exchange) => headerOf(answer, 'idempotency-replayed') === 'true';
const isHearing = async (redis: Redis, prefix: string) =>
  ((await redis.pubsub('NUMSUB', `${prefix}ended`)) as [string, number])[1] > 0;

describe('duplicates that wait', () => {
  it('get the first answer from another middleware as soon as it is kept, and cost one call each', async () => {
    const proxy = await countingProxy();
    const redis = proxy.client();
    const first = await openWaitingShop();
    const other = await openWaitingShop({ redis, prefix: first.prefix });
    const running = first.send();
    await first.running(0);
    // The connection that listens is made when somebody first waits.
    const earlier = other.send();
    await other.areWaiting(1);
    await until(() => isHearing(connect(), first.prefix));
    await until(() => proxy.commands()['subscribe'] === 1 && proxy.commands()['evalsha'] === 2);
    proxy.reset();
    const waiting = Array.from({ length: 20 }, () => other.send());
    await other.areWaiting(21);
    expect(proxy.commands()).toStrictEqual({ evalsha: 20 });
    proxy.reset();
    await first.answer(0);
    const { body, status } = await running;
    for (const answer of await Promise.all([earlier, ...waiting])) {
      expect([answer.status, answer.body, isReplay(answer)]).toStrictEqual([status, body, true]);
    }
    expect(proxy.commands()).toStrictEqual({ evalsha: 1 });
    expect(first.runs() + other.runs()).toBe(1);
    // Nobody waits, and still one round trip is enough for the next one, which has not been waited for.
    proxy.reset();
    expect(isReplay(await other.send())).toBe(true);
    expect(proxy.commands()).toStrictEqual({ evalsha: 1 });
  });

  it('are given the key one after another when the first answer is not kept', async () => {
    const shop = await openWaitingShop();
    const first = shop.send();
    await shop.running(0);
    const duplicates = [shop.send(), shop.send(), shop.send()];
    await shop.areWaiting(3);
    await shop.answer(0, 503);
    expect((await first).status).toBe(503);
    await shop.answer(1, 500);
    await shop.answer(2, 201);
    const answers = await Promise.all(duplicates);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toStrictEqual([201, 201, 500]);
    expect(answers.filter(isReplay)).toHaveLength(1);
    expect(shop.runs()).toBe(3);
  });

  it('hear of an answer within a second or so when the message is lost', async () => {
    const shop = await openWaitingShop();
    const redis = connect();
    const first = shop.send();
    await shop.running(0);
    const duplicate = shop.send();
    await shop.areWaiting(1);
    await until(() => isHearing(redis, shop.prefix));
    const [key = ''] = await redis.keys(`${shop.prefix}*`);
    // Nobody is known to wait: nothing is published.
    await until(async () => (await redis.hdel(key, 'waited')) === 1);
    await shop.answer(0);
    await first;
    const endedAt = performance.now();
    expect(isReplay(await duplicate)).toBe(true);
    expect(performance.now() - endedAt).toBeLessThan(4_000);
  });

  it('hear of it when the connection that listens was broken meanwhile', async () => {
    const server = await dedicatedRedis();
    const redis = server.client();
    const shop = await openWaitingShop({ redis, prefix: 'broken:' });
    const first = shop.send();
    await shop.running(0);
    const duplicate = shop.send();
    await until(() => isHearing(redis, 'broken:'));
    await redis.call('client', 'kill', 'type', 'pubsub');
    await shop.answer(0);
    expect((await first).status).toBe(201);
    expect(isReplay(await duplicate)).toBe(true);
    await until(async () => (await redis.info('clients')).includes('pubsub_clients:1') || isHearing(redis, 'broken:'));
  });

  it('look by themselves when Redis does not let them listen', async () => {
    const server = await dedicatedRedis();
    const admin = server.client();
    await admin.call('acl', 'setuser', 'deaf', 'on', '>secret', '~*', '+@all', '-subscribe');
    const redis = server.client({ username: 'deaf', password: 'secret' });
    const shop = await openWaitingShop({ redis, prefix: 'deaf:' });
    const first = shop.send();
    await shop.running(0);
    const duplicate = shop.send();
    await shop.areWaiting(1);
    await shop.answer(0);
    expect((await first).status).toBe(201);
    expect(isReplay(await duplicate)).toBe(true);
  });

  it('are refused at once when their payload differs (draft-07 §2.7)', async () => {
    const shop = await openWaitingShop();
    const first = shop.send();
    await shop.running(0);
    const other = await exchange(shop.url, { headers, body: '{"item":8}' });
    expect([other.status, JSON.parse(other.body).type]).toStrictEqual([422, problemTypes.keyReused]);
    await shop.answer(0);
    await first;
  });

  it('get 409 when they have waited for waitMs', async () => {
    const shop = await openWaitingShop({ waitMs: 50 });
    const first = shop.send();
    await shop.running(0);
    const duplicate = await shop.send();
    expect([duplicate.status, JSON.parse(duplicate.body).type]).toStrictEqual([409, problemTypes.inProgress]);
    expect(Number(headerOf(duplicate, 'retry-after'))).toBeGreaterThanOrEqual(8);
    await shop.answer(0);
    await first;
  });

  it('leave nothing behind when their clients go', async () => {
    const proxy = await countingProxy();
    const shop = await openWaitingShop({ redis: proxy.client() });
    const first = shop.send();
    await shop.running(0);
    const leaving = Array.from({ length: 5 }, () => {
      const sent = httpRequest(shop.url, { method: 'POST', headers, agent: false });
      sent.on('error', () => undefined);
      sent.end();
      return sent;
    });
    await shop.areWaiting(5);
    for (const sent of leaving) sent.destroy();
    await shop.answer(0);
    await first;
    expect(isReplay(await shop.send())).toBe(true);
    expect(shop.runs()).toBe(1);
    // Neither a replay nor a conflict for those who left.
    expect([countOf(shop, 'replayed'), countOf(shop, 'conflict')]).toStrictEqual([1, 0]);
  });

  it('get 409 when the middleware is closed, and those who come later too', async () => {
    const shop = await openWaitingShop();
    const first = shop.send();
    await shop.running(0);
    const duplicate = shop.send();
    await shop.areWaiting(1);
    await shop.once.close();
    expect((await duplicate).status).toBe(409);
    expect((await shop.send()).status).toBe(409);
    await until(async () => !(await isHearing(connect(), shop.prefix)));
    await shop.answer(0);
    expect((await first).status).toBe(201);
  });

  it.each(['closed', 'open'] as const)('get 503 and never run when Redis goes away, also with %p', async (policy) => {
    const server = await dedicatedRedis();
    const proxy = await startProxy({ port: server.port });
    const first = await openWaitingShop({ redis: server.client(), prefix: 'gone:' });
    const options = { redis: proxy.client(), prefix: 'gone:', deadlineMs: 500, onStoreFailure: policy };
    const other = await openWaitingShop(options);
    const running = first.send();
    await first.running(0);
    const duplicate = other.send();
    await other.areWaiting(1);
    await proxy.refuse();
    expect((await duplicate).status).toBe(503);
    expect(other.runs()).toBe(0);
    await first.answer(0);
    expect((await running).status).toBe(201);
  });

  it('are woken on a client of ioredis 5 as well', async () => {
    const redis = new IORedis5(redisUrl());
    try {
      const shop = await openWaitingShop({ redis: redis as unknown as Redis });
      const first = shop.send();
      await shop.running(0);
      const duplicate = shop.send();
      await shop.areWaiting(1);
      await until(() => isHearing(connect(), shop.prefix));
      await shop.answer(0);
      expect((await duplicate).body).toBe((await first).body);
      await shop.once.close();
    } finally {
      redis.disconnect();
    }
  });

  it('are woken within milliseconds of the commit', async () => {
    const first = await openWaitingShop();
    const wokenAt: number[] = [];
    const onEvent = ({ type }: IdempotencyEvent) => void (type === 'replayed' && wokenAt.push(performance.now()));
    let waiting = 0;
    const other = await openWaitingShop({
      prefix: first.prefix,
      onEvent(event) {
        if (event.type === 'waiting') waiting += 1;
        onEvent(event);
      },
    });
    const delays: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const key = { 'Idempotency-Key': `"round ${round}"` };
      const running = first.send(key);
      await first.running(round);
      const duplicate = other.send(key);
      await until(() => waiting === round + 1);
      if (round === 0) await until(() => isHearing(connect(), first.prefix));
      const keptAt = until(() => countOf(first, 'kept') === round + 1 && performance.now(), { everyMs: 0 });
      await first.answer(round);
      await Promise.all([running, duplicate]);
      delays.push((wokenAt[round] ?? Infinity) - Number(await keptAt));
    }
    const sorted = delays.toSorted((a, b) => a - b);
    const [median = Infinity, slow = Infinity] = [sorted[Math.floor(ROUNDS / 2)], sorted[Math.floor(ROUNDS * 0.99)]];
    if (isFull) process.stdout.write(`woken after ${median.toFixed(2)} ms (p50), ${slow.toFixed(2)} ms (p99)\n`);
    // A lost wake-up would take a second.
    expect(median).toBeLessThan(isFull ? 10 : 500);
  });

  it('are woken across the nodes of a Cluster', async () => {
    const cluster = await dedicatedCluster();
    const shops = await Promise.all(
      [0, 1].map(() => openWaitingShop({ redis: cluster.client() as unknown as Redis, prefix: 'cluster:' })),
    );
    const [first, other] = shops;
    if (first === undefined || other === undefined) throw new Error('no shops');
    const keys = Array.from({ length: 8 }, (_, index) => ({ 'Idempotency-Key': `"cluster ${index}"` }));
    const running = keys.map((key) => first.send(key));
    await first.running(keys.length - 1);
    const waiting = keys.map((key) => other.send(key));
    await other.areWaiting(keys.length);
    for (const run of keys.keys()) await first.answer(run);
    const answers = await Promise.all(running);
    const duplicates = await Promise.all(waiting);
    expect(duplicates.map(({ body }) => body)).toStrictEqual(answers.map(({ body }) => body));
    expect(duplicates.every(isReplay)).toBe(true);
    expect(other.runs()).toBe(0);
  }, 60_000);
});
