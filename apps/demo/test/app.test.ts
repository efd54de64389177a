import { beforeAll, describe, expect, it } from '@jest/globals';
import { connect } from '@sallyport/testkit';
import request from 'supertest';
import { createShop } from '../src/app.js';
import { readConfig } from '../src/config.js';
import { createLogger } from '../src/logging.js';
import { FIRST_START_MS } from './support/shared-database.js';
import { type TestShop, loggedIn, openShop } from './support/shop.js';

let shop: TestShop;
beforeAll(async () => {
  shop = await openShop();
}, FIRST_START_MS);

describe('createShop()', () => {
  it('says in /healthz what is up', async () => {
    const { body } = await request(shop.url).get('/healthz').expect(200);
    expect(body).toStrictEqual({ status: 'ok', redis: 'up', database: 'up' });
  });

  it.each([
    ['/', 'text/html'],
    ['/shop.css', 'text/css'],
    ['/cards.css', 'text/css'],
    ['/shop.js', 'text/javascript'],
    ['/answers.js', 'text/javascript'],
    ['/chart.js', 'text/javascript'],
    ['/requests.js', 'text/javascript'],
    ['/icon.svg', 'image/svg+xml'],
  ])('serves %s under a policy that allows nothing inline and nothing foreign', async (path, type) => {
    const { headers, text, body } = await request(shop.url).get(path).expect(200);
    const policy = headers['content-security-policy'] ?? '';
    expect(headers['content-type']).toContain(type);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toContain('unsafe');
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['x-powered-by']).toBeUndefined();
    const source = text ?? String(body);
    expect(source.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:\/\/|<script>|style="|\son\w+="/);
  });

  it('answers 404 with problem details, also below /api', async () => {
    for (const path of ['/nowhere', '/api/nowhere']) {
      const { body, headers } = await request(shop.url).get(path).expect(404);
      expect(headers['content-type']).toBe('application/problem+json');
      expect(body).toMatchObject({ status: 404, detail: `There is no GET ${path}` });
    }
  });

  it('hides the reason of an error that is not meant for clients, and logs it', async () => {
    const broken = await openShop({
      database: { ...shop.database, query: () => Promise.reject(new Error('column "secret" does not exist')) },
    });
    const { body } = await request(broken.url).get('/api/products').expect(500);
    expect(JSON.stringify(body)).not.toContain('secret');
    expect(body).toMatchObject({ status: 500, title: 'Internal Server Error' });
    expect(broken.log.join('')).toContain('column \\"secret\\" does not exist');
  });

  it('logs each request as one line of JSON, without cookies, keys or passwords', async () => {
    const ada = await loggedIn(shop.url);
    const key = 'a-very-secret-key';
    await ada
      .post('/api/orders')
      .set('Idempotency-Key', key)
      .send({ items: [{ productId: 1, quantity: 1 }] });
    const { headers } = await ada.get('/api/products').set('Authorization', 'Bearer hidden-token');
    expect(headers['x-cache']).toBeDefined();
    const lines = shop.log.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toContainEqual(
      expect.objectContaining({ req: { method: 'POST', url: '/api/orders' }, res: { status: 201 } }),
    );
    expect(lines).toContainEqual(expect.objectContaining({ cache: expect.stringMatching(/^(HIT|MISS|BYPASS)$/) }));
    const everything = shop.log.join('');
    for (const secret of [key, 'hidden-token', 'sid=', '"demo"', 'set-cookie'])
      expect(everything).not.toContain(secret);
  });

  it('needs somebody to ask for exchange rates', () => {
    const incomplete = {
      config: readConfig({}),
      redis: connect(),
      database: shop.database,
      logger: createLogger('silent'),
    };
    expect(() => createShop(incomplete)).toThrow('ratesStandIn');
  });
});

describe('createLogger()', () => {
  it('censors headers that are logged by mistake', () => {
    const lines: string[] = [];
    const logger = createLogger('info', { write: (line) => void lines.push(line) });
    const headers = { cookie: 'a', authorization: 'b', 'idempotency-key': 'c', accept: 'd' };
    logger.info({ req: { headers }, res: { headers: { 'set-cookie': 'e' } }, headers });
    const hidden = { cookie: '[hidden]', authorization: '[hidden]', 'idempotency-key': '[hidden]', accept: 'd' };
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      req: { headers: hidden },
      res: { headers: { 'set-cookie': '[hidden]' } },
      headers: hidden,
    });
  });
});
