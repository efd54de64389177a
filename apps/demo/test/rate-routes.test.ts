import { beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '@sallyport/testkit';
import request from 'supertest';
import { readConfig } from '../src/config.js';
import { FIRST_START_MS } from './support/shared-database.js';
import { type TestShop, openShop } from './support/shop.js';
import { untilHit } from './support/x-cache.js';

let shop: TestShop;
beforeAll(async () => {
  shop = await openShop();
}, FIRST_START_MS);

const rate = (currency: string) => request(shop.url).get(`/api/rates/${currency}`);
const tell = (mode: string) => request(shop.url).post('/demo/rates-api').send({ mode });

describe('GET /api/rates/:currency', () => {
  it('asks the provider once for many requests', async () => {
    await tell('ok').expect(200);
    const before = shop.provider.requestCount;
    const answers = await Promise.all(Array.from({ length: 10 }, () => rate('USD').expect(200)));
    expect(shop.provider.requestCount).toBe(before + 1);
    expect(new Set(answers.map(({ body }) => body.serial)).size).toBe(1);
    expect(answers[0]?.body).toMatchObject({ base: 'EUR', currency: 'USD', stale: false });
  });

  it.each(['fail', 'hang'])(
    'gives the last good answer, marked stale, when the provider is told to %s',
    async (mode) => {
      await tell('ok').expect(200);
      await until(async () => (await rate('GBP')).body.stale === false, { timeoutMs: 10_000, everyMs: 100 });
      await tell(mode).expect(200);
      const stale = await until(
        async () => {
          const { body, status } = await rate('GBP');
          expect(status).toBe(200);
          return body.stale === true && body;
        },
        { timeoutMs: 10_000, everyMs: 100 },
      );
      expect(stale).toMatchObject({ currency: 'GBP', rate: expect.any(Number) });
      await tell('ok').expect(200);
      await until(async () => (await rate('GBP')).body.stale === false, { timeoutMs: 5000, everyMs: 100 });
    },
    40_000,
  );

  it('answers 503 when the provider fails and nothing is remembered', async () => {
    await tell('fail').expect(200);
    const { body, headers } = await rate('JPY').expect(503);
    expect(body).toMatchObject({ status: 503, title: 'Service Unavailable' });
    expect(headers['retry-after']).toBe('1');
    await tell('ok').expect(200);
  });

  it('refuses currencies that it does not know, without asking the provider', async () => {
    const before = shop.provider.requestCount;
    for (const currency of ['XXX', 'constructor', '..%2Fhealth']) await rate(currency).expect(400);
    expect(shop.provider.requestCount).toBe(before);
  });
});

describe('POST /demo', () => {
  it('refuses modes and tags that do not exist', async () => {
    await tell('explode').expect(400);
    for (const tags of [undefined, [], [1], ['a b'], 'products']) {
      await request(shop.url).post('/demo/purge').send({ tags }).expect(400);
    }
  });

  it('purges the catalogue', async () => {
    await untilHit(shop.url, '/api/products?sort=name');
    await request(shop.url)
      .post('/demo/purge')
      .send({ tags: ['products'] })
      .expect(200);
    const { headers } = await request(shop.url).get('/api/products?sort=name');
    expect(headers['x-cache']).not.toBe('HIT');
  });

  it('is not there with DEMO_CONTROLS=off', async () => {
    const { hasDemoControls } = readConfig({ DEMO_CONTROLS: 'off' });
    const quiet = await openShop({ config: { hasDemoControls }, database: shop.database });
    await request(quiet.url)
      .post('/demo/purge')
      .send({ tags: ['products'] })
      .expect(404);
    await request(quiet.url).post('/demo/rates-api').send({ mode: 'fail' }).expect(404);
  });
});
