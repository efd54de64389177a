import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { createRedis } from '@sallyport/core';
import { type DedicatedRedis, dedicatedRedis, until } from '@sallyport/testkit';
import request, { type Response } from 'supertest';
import { closeAfterTests } from './support/close-after-tests.js';
import { FIRST_START_MS, embeddedDatabase } from './support/shared-database.js';
import { startShop } from './support/shop-process.js';
import { type TestShop, loggedIn, openShop } from './support/shop.js';
import { untilHit } from './support/x-cache.js';

/** What the shop owes a client when Redis is away. */
const BOUND_MS = 1000;

let redis: DedicatedRedis;
let shop: TestShop;
beforeAll(async () => {
  redis = await dedicatedRedis();
  const client = createRedis(redis.url, { onError: () => undefined });
  closeAfterTests(async () => client.disconnect());
  await until(() => client.status === 'ready');
  shop = await openShop({ redis: client });
  // The bound is for the guards. How long Postgres needs for a list says nothing about them, and on a busy machine a lot.
  await shop.database.query('DELETE FROM sallyport_demo.reviews');
}, FIRST_START_MS);

/** Every route, as a guest and as a customer, with the statuses that its policy allows while Redis is away. */
async function everyRoute(cookie: string): Promise<[string, number, number, number[]][]> {
  const rows: [string, number, number, number[]][] = [];
  const ask = async (
    method: 'get' | 'post' | 'put' | 'delete',
    path: string,
    allowed: number[],
    send?: object,
    as = cookie,
  ) => {
    const start = performance.now();
    const call = request(shop.url)[method](path).set('Idempotency-Key', randomUUID());
    if (as !== '') call.set('Cookie', as);
    const { status }: Response = await (send === undefined ? call : call.send(send));
    rows.push([`${method} ${path}${as === '' ? ' as a guest' : ''}`, performance.now() - start, status, allowed]);
  };
  const account = { email: 'ada@example.com', password: 'demo' };
  const items = [{ productId: 50, quantity: 1 }];
  await ask('get', '/healthz', [200]);
  await ask('get', '/', [200]);
  await ask('get', '/api/products', [200]);
  await ask('get', '/api/products?q=teapot', [200]);
  await ask('get', '/api/products/50', [200]);
  await ask('get', '/api/rates/USD', [200]);
  await ask('get', '/api/cart', [200], undefined, '');
  await ask('get', '/api/me', [401], undefined, '');
  await ask('post', '/api/orders', [401], { items }, '');
  await ask('post', '/api/login', [503], account, '');
  await ask('put', '/api/cart', [503], { productId: 1, quantity: 1 }, '');
  await ask('post', '/api/orders', [503], { items });
  await ask('get', '/api/orders', [503]);
  await ask('get', '/api/me', [503]);
  await ask('get', '/api/cart', [503]);
  await ask('put', '/api/cart', [503], { productId: 1, quantity: 1 });
  await ask('delete', '/api/cart', [503]);
  await ask('get', '/api/devices', [503]);
  await ask('delete', '/api/devices', [503]);
  await ask('post', '/api/products/50/reviews', [503], { rating: 5, body: 'x' });
  await ask('post', '/api/logout', [503]);
  await ask('post', '/demo/purge', [200], { tags: ['products'] });
  await ask('get', '/api/nowhere', [404], undefined, '');
  return rows;
}

async function cookieOfCustomer(): Promise<string> {
  const { headers } = await request(shop.url).post('/api/login').send({ email: 'ada@example.com', password: 'demo' });
  return String((headers['set-cookie'] as unknown as string[])[0]).split(';')[0] ?? '';
}

async function expectRecovery(): Promise<void> {
  await until(async () => (await request(shop.url).get('/healthz')).body.redis === 'up', { timeoutMs: 20_000 });
  const ada = await until(() => loggedIn(shop.url), { timeoutMs: 20_000, everyMs: 50 });
  await untilHit(shop.url, '/api/products');
  const order = () =>
    ada
      .post('/api/orders')
      .set('Idempotency-Key', randomUUID())
      .send({ items: [{ productId: 51, quantity: 1 }] });
  await until(async () => (await order()).status === 201, { timeoutMs: 20_000, everyMs: 50 });
  await until(async () => (await request(shop.url).get('/api/products')).headers['x-ratelimit-remaining']);
}

describe.each([
  ['stopped', () => redis.kill(), () => redis.restart()],
  ['paused', async () => redis.pause(), async () => redis.resume()],
] as const)('when Redis is %s', (_how, takeAway, giveBack) => {
  it('answers every route within a second, by its policy, and recovers by itself', async () => {
    const cookie = await cookieOfCustomer();
    await takeAway();
    const orders = 'SELECT count(*)::int AS count FROM sallyport_demo.orders';
    const before = await shop.database.query(orders);
    const rows = await everyRoute(cookie);
    expect(rows.filter(([, , status, allowed]) => !allowed.includes(status))).toStrictEqual([]);
    expect(rows.filter(([, ms]) => ms > BOUND_MS)).toStrictEqual([]);
    expect(await shop.database.query(orders)).toStrictEqual(before);
    const { body } = await request(shop.url).get('/healthz').expect(200);
    expect(body).toStrictEqual({ status: 'degraded', redis: 'down', database: 'up' });
    await giveBack();
    await expectRecovery();
  }, 60_000);
});

describe('when Redis is not there at the start', () => {
  it(
    'opens all the same, and uses Redis once it is there',
    async () => {
      const database = await embeddedDatabase();
      const late = await dedicatedRedis();
      await late.kill();
      const process = await startShop({ REDIS_URL: late.url, DATABASE_URL: database.url });
      const products = await request(process.url).get('/api/products').expect(200);
      expect(products.body.products).toHaveLength(24);
      expect((await request(process.url).get('/healthz').expect(200)).body.status).toBe('degraded');
      await late.restart();
      await until(async () => (await request(process.url).get('/healthz')).body.status === 'ok', { timeoutMs: 20_000 });
      await untilHit(process.url, '/api/products');
    },
    FIRST_START_MS,
  );
});

describe('when Redis is stopped and somebody searches too often', () => {
  it('turns them away all the same, counting in its own process', async () => {
    await redis.kill();
    const statuses: number[] = [];
    for (let count = 0; count < 30; count += 1) {
      const { status } = await request(shop.url).get('/api/products?q=mug');
      statuses.push(status);
    }
    expect(statuses).toContain(429);
    await redis.restart();
    await until(async () => (await request(shop.url).get('/healthz')).body.redis === 'up', { timeoutMs: 20_000 });
  }, 60_000);
});
