import { beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { FIRST_START_MS } from './support/shared-database.js';
import { type TestShop, loggedIn, openShop } from './support/shop.js';

let shop: TestShop;
beforeAll(async () => {
  shop = await openShop();
}, FIRST_START_MS);

const cookieOf = (headers: Record<string, unknown>) => String((headers['set-cookie'] as string[] | undefined)?.[0]);

describe('POST /api/login', () => {
  it('lets a customer in, whatever the case of the e-mail address', async () => {
    const { body, headers } = await request(shop.url)
      .post('/api/login')
      .send({ email: 'Grace@Example.com', password: 'demo' })
      .expect(200);
    expect(body).toStrictEqual({ id: 2, email: 'grace@example.com', name: 'Grace' });
    expect(cookieOf(headers)).toMatch(/HttpOnly/);
    expect(cookieOf(headers)).toMatch(/SameSite=Lax/);
  });

  it('says the same about a wrong password and an unknown address', async () => {
    const attempt = (email: string, password: string) => request(shop.url).post('/api/login').send({ email, password });
    const answers = [await attempt('ada@example.com', 'wrong'), await attempt('nobody@example.com', 'demo')];
    expect(answers.map(({ status }) => status)).toStrictEqual([401, 401]);
    expect(answers[0]?.body).toStrictEqual(answers[1]?.body);
    expect(answers[0]?.headers['set-cookie']).toBeUndefined();
  });

  it('gives a new session id at each log-in (session fixation)', async () => {
    const browser = request.agent(shop.url);
    const first = await browser.post('/api/login').send({ email: 'ada@example.com', password: 'demo' }).expect(200);
    const second = await browser.post('/api/login').send({ email: 'ada@example.com', password: 'demo' }).expect(200);
    expect(cookieOf(second.headers).split(';')[0]).not.toBe(cookieOf(first.headers).split(';')[0]);
    await request(shop.url)
      .get('/api/me')
      .set('Cookie', cookieOf(first.headers).split(';')[0] ?? '')
      .expect(401);
  });

  it.each([[{}], [{ email: 'ada@example.com' }], [{ email: {}, password: 'demo' }], [{ email: 'a', password: 'b' }]])(
    'refuses %j with 400',
    async (body) => {
      await request(shop.url).post('/api/login').send(body).expect(400);
    },
  );

  it('refuses a body that is no JSON with 400, and one that is too large with 413', async () => {
    const login = () => request(shop.url).post('/api/login').set('Content-Type', 'application/json');
    const { body } = await login().send('{"email":').expect(400);
    expect(body).toMatchObject({ status: 400, title: 'Bad Request' });
    await login()
      .send(JSON.stringify({ email: 'x'.repeat(30_000) }))
      .expect(413);
  });

  it('stops guessing after ten attempts at one account, and leaves other accounts alone', async () => {
    const own = await openShop({ database: shop.database });
    const attempt = (email: string) => request(own.url).post('/api/login').send({ email, password: 'guess' });
    for (let count = 0; count < 10; count += 1) await attempt('linus@example.com').expect(401);
    await attempt('LINUS@example.com').expect(429);
    await request(own.url).post('/api/login').send({ email: 'ada@example.com', password: 'demo' }).expect(200);
  }, 30_000);
});

describe('GET /api/me and POST /api/logout', () => {
  it('know the customer until the log-out', async () => {
    const ada = await loggedIn(shop.url);
    const { body } = await ada.get('/api/me').expect(200);
    expect(body).toStrictEqual({ id: 1, email: 'ada@example.com', name: 'Ada' });
    await ada.post('/api/logout').expect(204);
    await ada.get('/api/me').expect(401);
  });

  it('ends the session itself: the old cookie opens nothing', async () => {
    const login = await request(shop.url).post('/api/login').send({ email: 'ada@example.com', password: 'demo' });
    const cookie = cookieOf(login.headers).split(';')[0] ?? '';
    await request(shop.url).get('/api/me').set('Cookie', cookie).expect(200);
    await request(shop.url).post('/api/logout').set('Cookie', cookie).expect(204);
    await request(shop.url).get('/api/me').set('Cookie', cookie).expect(401);
  });

  it('are harmless for a guest', async () => {
    await request(shop.url).post('/api/logout').expect(204);
    await request(shop.url).get('/api/me').expect(401);
  });
});

describe('/api/devices', () => {
  it('lists where the customer is logged in, with the present device marked', async () => {
    const phone = await loggedIn(shop.url, 'linus@example.com', 'Phone');
    await loggedIn(shop.url, 'linus@example.com', 'Laptop');
    const { body } = await phone.get('/api/devices').expect(200);
    expect(body.devices).toHaveLength(2);
    expect(body.devices.filter(({ isCurrent }: { isCurrent: boolean }) => isCurrent)).toHaveLength(1);
  });

  it('logs out one device', async () => {
    const phone = await loggedIn(shop.url, 'grace@example.com', 'Phone');
    const laptop = await loggedIn(shop.url, 'grace@example.com', 'Laptop');
    const { body } = await laptop.get('/api/devices');
    const other = body.devices.find(({ label }: { label: string }) => label === 'Phone');
    await laptop.delete(`/api/devices/${other.deviceId}`).expect(204);
    await laptop.delete(`/api/devices/${other.deviceId}`).expect(404);
    await phone.get('/api/me').expect(401);
    await laptop.get('/api/me').expect(200);
  });

  it('logs out all other devices', async () => {
    const phone = await loggedIn(shop.url, 'ada@example.com', 'Phone');
    const laptop = await loggedIn(shop.url, 'ada@example.com', 'Laptop');
    const { body } = await laptop.delete('/api/devices').expect(200);
    expect(body.revoked).toBeGreaterThanOrEqual(1);
    await phone.get('/api/me').expect(401);
    await laptop.get('/api/me').expect(200);
  });

  it("cannot log out somebody else's device", async () => {
    const ada = await loggedIn(shop.url, 'ada@example.com');
    const grace = await loggedIn(shop.url, 'grace@example.com');
    const { body } = await ada.get('/api/devices');
    await grace.delete(`/api/devices/${body.devices[0].deviceId}`).expect(404);
    await ada.get('/api/me').expect(200);
  });

  it('is for customers only', async () => {
    await request(shop.url).get('/api/devices').expect(401);
    await request(shop.url).delete('/api/devices').expect(401);
    await request(shop.url).delete('/api/devices/x').expect(401);
  });
});
