import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { dedicatedRedis } from '@sallyport/testkit';
import request from 'supertest';
import type { Database } from '../src/database/database.js';
import { FIRST_START_MS, embeddedDatabase } from './support/shared-database.js';
import { type ShopProcess, startShop } from './support/shop-process.js';
import { loggedIn } from './support/shop.js';
import { untilHit } from './support/x-cache.js';

let database: Database;
let first: ShopProcess;
let second: ShopProcess;
beforeAll(async () => {
  const [redis, embedded] = await Promise.all([dedicatedRedis(), embeddedDatabase()]);
  database = embedded;
  const env = { REDIS_URL: redis.url, DATABASE_URL: embedded.url };
  [first, second] = await Promise.all([startShop(env), startShop(env)]);
}, FIRST_START_MS);

const count = async (table: string) =>
  (await database.query<{ count: number }>(`SELECT count(*)::int AS count FROM sallyport_demo.${table}`))[0]?.count ??
  -1;

/** As a load balancer sends it on: the host is the one that the client asked for, at both processes. */
const BALANCED = { Host: 'shop.example' };
const visit = (shop: ShopProcess, path: string) => request(shop.url).get(path).set(BALANCED);

/** The cookie of a browser that logged in at one of the processes. */
async function logIn(shop: ShopProcess): Promise<string> {
  const { headers } = await request(shop.url).post('/api/login').send({ email: 'ada@example.com', password: 'demo' });
  return String((headers['set-cookie'] as unknown as string[])[0]).split(';')[0] ?? '';
}

describe('two shop processes on one Redis and one database', () => {
  it('share the response cache, and a purge in one is a purge in both', async () => {
    await untilHit(first.url, '/api/products/60', BALANCED);
    expect((await visit(second, '/api/products/60')).headers['x-cache']).not.toBe('MISS');
    const ada = await loggedIn(first.url);
    await ada.post('/api/products/60/reviews').send({ rating: 1, body: 'Broke.' }).expect(201);
    const { body, headers } = await visit(second, '/api/products/60');
    expect(headers['x-cache']).not.toBe('HIT');
    expect(body.latestReviews[0]).toMatchObject({ body: 'Broke.' });
    expect((await untilHit(first.url, '/api/products/60', BALANCED)).body).toStrictEqual(body);
  });

  it('share sessions: log-in, cart, revocation and log-out', async () => {
    const cookie = await logIn(first);
    const other = await logIn(second);
    await request(second.url).get('/api/me').set('Cookie', cookie).expect(200);
    await request(first.url).put('/api/cart').set('Cookie', cookie).send({ productId: 61, quantity: 2 }).expect(200);
    const { body: cart } = await request(second.url).get('/api/cart').set('Cookie', cookie);
    expect(cart.items).toMatchObject([{ productId: 61, quantity: 2 }]);
    await request(second.url).delete('/api/devices').set('Cookie', cookie).expect(200);
    await request(first.url).get('/api/me').set('Cookie', other).expect(401);
    await request(second.url).post('/api/logout').set('Cookie', cookie).expect(204);
    await request(first.url).get('/api/me').set('Cookie', cookie).expect(401);
  });

  it('share idempotency keys: the same order at both is one row in the database', async () => {
    const cookie = await logIn(first);
    const key = randomUUID();
    const before = await count('orders');
    const order = (shop: ShopProcess) =>
      request(shop.url)
        .post('/api/orders')
        .set('Cookie', cookie)
        .set('Idempotency-Key', key)
        .send({ items: [{ productId: 62, quantity: 1 }] });
    const placed = await order(first).expect(201);
    const replayed = await order(second).expect(201).expect('Idempotency-Replayed', 'true');
    expect(replayed.body).toStrictEqual(placed.body);
    expect(await count('orders')).toBe(before + 1);
  });

  it('take one of many attempts that reach both at the same time', async () => {
    const cookie = await logIn(second);
    const key = randomUUID();
    const before = await count('orders');
    const attempts = Array.from({ length: 12 }, (_, index) =>
      request(index % 2 === 0 ? first.url : second.url)
        .post('/api/orders')
        .set('Cookie', cookie)
        .set('Idempotency-Key', key)
        .send({ items: [{ productId: 63, quantity: 1 }] }),
    );
    const answers = await Promise.all(attempts);
    const ids = new Set(answers.filter(({ status }) => status === 201).map(({ body }) => body.id));
    expect(ids.size).toBe(1);
    expect(answers.every(({ status }) => status === 201 || status === 409)).toBe(true);
    expect(await count('orders')).toBe(before + 1);
  });

  it('never sell the last piece twice', async () => {
    await database.query('UPDATE sallyport_demo.products SET stock = 3 WHERE id = 64');
    const cookie = await logIn(first);
    const buyers = Array.from({ length: 10 }, (_, index) =>
      request(index % 2 === 0 ? first.url : second.url)
        .post('/api/orders')
        .set('Cookie', cookie)
        .set('Idempotency-Key', randomUUID())
        .send({ items: [{ productId: 64, quantity: 1 }] }),
    );
    const statuses = (await Promise.all(buyers)).map(({ status }) => status);
    expect(statuses.toSorted((a, b) => a - b)).toStrictEqual([201, 201, 201, 409, 409, 409, 409, 409, 409, 409]);
  }, 30_000);

  it('share rate limits: 20 searches in 10 seconds at both together', async () => {
    const statuses: number[] = [];
    for (let count = 0; count < 30; count += 1) {
      const { status } = await request(count % 2 === 0 ? first.url : second.url).get('/api/products?q=torch');
      statuses.push(status);
    }
    // Alone, neither would turn anybody away: each sees 15. Calls that miss their deadline are counted elsewhere.
    const refused = statuses.filter((status) => status === 429).length;
    expect(refused).toBeGreaterThanOrEqual(8);
    expect(refused).toBeLessThanOrEqual(10);
  });
});
