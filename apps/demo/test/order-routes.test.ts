import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { FIRST_START_MS } from './support/shared-database.js';
import { type Browser, type TestShop, loggedIn, openShop } from './support/shop.js';

let shop: TestShop;
let ada: Browser;
beforeAll(async () => {
  shop = await openShop();
  ada = await loggedIn(shop.url);
}, FIRST_START_MS);

const orderCount = async () =>
  (await shop.database.query<{ count: number }>('SELECT count(*)::int AS count FROM sallyport_demo.orders'))[0]
    ?.count ?? -1;
const productOf = async (id: number) => {
  const [row] = await shop.database.query<{ stock: number; price: number }>(
    'SELECT stock, price_cents AS price FROM sallyport_demo.products WHERE id = $1',
    [id],
  );
  if (row === undefined) throw new Error(`There is no product ${id}`);
  return row;
};
const order = (browser: Browser, key: string, items: unknown) =>
  browser.post('/api/orders').set('Idempotency-Key', key).send({ items });

describe('/api/cart', () => {
  it('holds products for a guest, with the prices of the shop', async () => {
    const guest = request.agent(shop.url);
    const { price } = await productOf(20);
    await guest.put('/api/cart').send({ productId: 20, quantity: 1 }).expect(200);
    const { body } = await guest.put('/api/cart').send({ productId: 20, quantity: 3 }).expect(200);
    expect(body).toMatchObject({
      totalCents: 3 * price,
      items: [{ productId: 20, quantity: 3, unitPriceCents: price }],
    });
    expect((await guest.get('/api/cart').expect(200)).body).toStrictEqual(body);
    const removed = await guest.put('/api/cart').send({ productId: 20, quantity: 0 }).expect(200);
    expect(removed.body).toStrictEqual({ items: [], totalCents: 0 });
  });

  it('is empty after DELETE, and for everybody else', async () => {
    const guest = request.agent(shop.url);
    await guest.put('/api/cart').send({ productId: 21, quantity: 1 }).expect(200);
    expect((await request(shop.url).get('/api/cart')).body.items).toStrictEqual([]);
    await guest.delete('/api/cart').expect(204);
    expect((await guest.get('/api/cart')).body.items).toStrictEqual([]);
  });

  it('takes no unknown product, no strange quantity and no more than 20 products', async () => {
    const guest = request.agent(shop.url);
    await guest.put('/api/cart').send({ productId: 2401, quantity: 1 }).expect(404);
    for (const quantity of [-1, 100, 1.5, '1', null]) {
      await guest.put('/api/cart').send({ productId: 1, quantity }).expect(400);
    }
    for (let productId = 1; productId <= 20; productId += 1) {
      await guest.put('/api/cart').send({ productId, quantity: 1 }).expect(200);
    }
    await guest.put('/api/cart').send({ productId: 21, quantity: 1 }).expect(409);
  });
});

describe('POST /api/orders', () => {
  it('takes the order, at the price of the database, and lowers the stock', async () => {
    const before = await productOf(30);
    const { body } = await order(ada, randomUUID(), [{ productId: 30, quantity: 2, unitPriceCents: 1 }]).expect(201);
    expect(body).toMatchObject({
      totalCents: 2 * before.price,
      currency: 'EUR',
      items: [{ productId: 30, quantity: 2, unitPriceCents: before.price }],
    });
    expect((await productOf(30)).stock).toBe(before.stock - 2);
    const { body: list } = await ada.get('/api/orders').expect(200);
    expect(list.orders[0]).toStrictEqual(body);
  });

  it('answers the same order again from its record: one row in the database', async () => {
    const before = await orderCount();
    const key = randomUUID();
    const items = [{ productId: 31, quantity: 1 }];
    const first = await order(ada, key, items).expect(201);
    const second = await order(ada, key, items).expect(201).expect('Idempotency-Replayed', 'true');
    expect(first.headers['idempotency-replayed']).not.toBe('true');
    expect(second.body).toStrictEqual(first.body);
    expect(await orderCount()).toBe(before + 1);
  });

  it('takes one of many concurrent attempts at the same order', async () => {
    const before = await orderCount();
    const key = randomUUID();
    const attempts = Array.from({ length: 10 }, () => order(ada, key, [{ productId: 32, quantity: 1 }]));
    const statuses = (await Promise.all(attempts)).map(({ status }) => status);
    expect(statuses).toContain(201);
    expect(statuses.every((status) => status === 201 || status === 409)).toBe(true);
    expect(await orderCount()).toBe(before + 1);
  });

  it('orders the cart, empties it, and still answers the repetition', async () => {
    const grace = await loggedIn(shop.url, 'grace@example.com');
    await grace.put('/api/cart').send({ productId: 33, quantity: 2 }).expect(200);
    const key = randomUUID();
    const first = await grace.post('/api/orders').set('Idempotency-Key', key).send({}).expect(201);
    expect((await grace.get('/api/cart')).body.items).toStrictEqual([]);
    const second = await grace.post('/api/orders').set('Idempotency-Key', key).send({}).expect(201);
    expect(second.headers['idempotency-replayed']).toBe('true');
    expect(second.body).toStrictEqual(first.body);
    await grace.post('/api/orders').set('Idempotency-Key', randomUUID()).send({}).expect(409);
  });

  it('never sells more than there is, however many order at once', async () => {
    await shop.database.query('UPDATE sallyport_demo.products SET stock = 5 WHERE id = ANY($1)', [[40, 41]]);
    const before = await orderCount();
    const lines = [
      { productId: 40, quantity: 1 },
      { productId: 41, quantity: 1 },
    ];
    // Named in both orders: locks taken as they are named would wait for each other for ever.
    const buyers = Array.from({ length: 12 }, (_, index) =>
      order(ada, randomUUID(), index % 2 === 0 ? lines : lines.toReversed()),
    );
    const statuses = (await Promise.all(buyers)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(5);
    expect(statuses.filter((status) => status === 409)).toHaveLength(7);
    expect([(await productOf(40)).stock, (await productOf(41)).stock]).toStrictEqual([0, 0]);
    expect(await orderCount()).toBe(before + 5);
  }, 30_000);

  it('sells nothing at all when one item is missing', async () => {
    await shop.database.query('UPDATE sallyport_demo.products SET stock = 0 WHERE id = 43');
    const before = await productOf(42);
    const items = [
      { productId: 42, quantity: 1 },
      { productId: 43, quantity: 1 },
    ];
    const { body } = await order(ada, randomUUID(), items).expect(409);
    expect(body.detail).toBe('There are only 0 pieces of product 43 left.');
    expect((await productOf(42)).stock).toBe(before.stock);
  });

  it('keeps one row even when Redis has lost the record of the key', async () => {
    const before = await orderCount();
    const [key, items] = [randomUUID(), [{ productId: 34, quantity: 1 }]];
    const first = await order(ada, key, items).expect(201);
    // Another prefix is an empty memory: what a failover to a replica that lagged behind looks like.
    const amnesiac = await openShop({ database: shop.database });
    const browser = await loggedIn(amnesiac.url);
    const second = await order(browser, key, items).expect(201);
    expect(second.headers['idempotency-replayed']).not.toBe('true');
    expect(second.body).toStrictEqual(first.body);
    expect(await orderCount()).toBe(before + 1);
  });

  it('refuses another order with the same key', async () => {
    const key = randomUUID();
    await order(ada, key, [{ productId: 35, quantity: 1 }]).expect(201);
    await order(ada, key, [{ productId: 35, quantity: 2 }]).expect(422);
  });

  it("takes a key that another customer uses as that customer's own", async () => {
    const [key, items] = [randomUUID(), [{ productId: 36, quantity: 1 }]];
    const grace = await loggedIn(shop.url, 'grace@example.com');
    const { body: hers } = await order(grace, key, items).expect(201);
    const { body: his } = await order(ada, key, items).expect(201);
    expect(his.id).not.toBe(hers.id);
  });

  it('insists on a key', async () => {
    await ada
      .post('/api/orders')
      .send({ items: [{ productId: 1, quantity: 1 }] })
      .expect(400);
  });

  it('is for customers only, and a refused guest does not use up the key', async () => {
    const [key, items] = [randomUUID(), [{ productId: 37, quantity: 1 }]];
    await request(shop.url).post('/api/orders').set('Idempotency-Key', key).send({ items }).expect(401);
    await request(shop.url).get('/api/orders').expect(401);
    await order(ada, key, items).expect(201);
  });

  it.each([
    [[]],
    ['all'],
    [[{ productId: 1 }]],
    [[{ productId: 1, quantity: 0 }]],
    [[{ productId: '1', quantity: 1 }]],
    [[null]],
    [Array.from({ length: 21 }, (_, index) => ({ productId: index + 1, quantity: 1 }))],
    [
      [
        { productId: 1, quantity: 1 },
        { productId: 1, quantity: 1 },
      ],
    ],
  ])('refuses the items %j with 400', async (items) => {
    await order(ada, randomUUID(), items).expect(400);
  });
});
