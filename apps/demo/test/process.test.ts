import { Agent, type Server, get } from 'node:http';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { type DedicatedRedis, dedicatedRedis, listen, until, within } from '@sallyport/testkit';
import request from 'supertest';
import { connectDatabase } from '../src/database/database.js';
import { FIRST_START_MS } from './support/shared-database.js';
import { type ShopProcess, runToEnd, startShop } from './support/shop-process.js';
import { untilHit } from './support/x-cache.js';

const SHUTDOWN_BOUND_MS = 8000;

let redis: DedicatedRedis;
beforeAll(async () => {
  redis = await dedicatedRedis();
});

const open = (env: Record<string, string> = {}) => startShop({ REDIS_URL: redis.url, ...env });
const databaseOf = (shop: ShopProcess) => /DATABASE_URL=(\S+)/.exec(shop.text())?.[1] ?? '';

describe('the shop process', () => {
  it(
    'says what to try, serves it, and closes its embedded database on SIGTERM',
    async () => {
      const shop = await open();
      expect(shop.text()).toContain(`curl -s -o /dev/null -D - '${shop.url}/api/products'`);
      await request(shop.url).get('/api/products').expect(200).expect('X-Cache', 'MISS');
      await untilHit(shop.url, '/api/products');
      const database = connectDatabase(databaseOf(shop));
      expect(await database.isReady()).toBe(true);
      shop.kill('SIGTERM');
      await within(SHUTDOWN_BOUND_MS, shop.exited);
      expect(await shop.exited).toBe(0);
      expect(await database.isReady()).toBe(false);
      await database.close();
      expect(shop.log()).toContainEqual(expect.objectContaining({ msg: 'closed' }));
    },
    FIRST_START_MS,
  );

  it(
    'finishes the running request before it ends, and takes no new ones',
    async () => {
      const slow = await listen((_req, res) => {
        setTimeout(() => res.end('{"rate":2,"serial":1}'), 400);
      });
      const shop = await open({ RATES_URL: slow.url });
      const agent = new Agent({ keepAlive: true });
      const answer = new Promise<number | undefined>((resolve, reject) => {
        get(`${shop.url}/api/rates/USD`, { agent }, (res) => {
          res.resume().on('end', () => resolve(res.statusCode));
        }).on('error', reject);
      });
      await until(async () => (await connectionCount(slow.server)) > 0);
      shop.kill('SIGTERM');
      await until(() => shop.log().some(({ msg }) => msg === 'closing'));
      await expect(request(shop.url).get('/healthz')).rejects.toThrow('ECONNREFUSED');
      expect(await answer).toBe(200);
      expect(await shop.exited).toBe(0);
      agent.destroy();
    },
    FIRST_START_MS,
  );

  it(
    'ends by itself when its parent is gone',
    async () => {
      const shop = await open();
      shop.disconnect();
      await within(SHUTDOWN_BOUND_MS, shop.exited);
      expect(await shop.exited).toBe(0);
    },
    FIRST_START_MS,
  );

  it(
    'ends at once on the second Ctrl-C',
    async () => {
      const shop = await open();
      const agent = new Agent({ keepAlive: true });
      // A client that never finishes its request holds up the first.
      const stuck = get(`${shop.url}/api/products`, { agent, method: 'POST', headers: { 'Content-Length': '10' } });
      stuck.on('error', () => undefined).flushHeaders();
      await request(shop.url).get('/healthz').expect(200);
      shop.kill('SIGINT');
      await until(() => shop.log().some(({ msg }) => msg === 'closing'));
      shop.kill('SIGTERM');
      shop.kill('SIGINT');
      await within(SHUTDOWN_BOUND_MS, shop.exited);
      stuck.destroy();
      agent.destroy();
    },
    FIRST_START_MS,
  );

  it.each([
    [{ PORT: 'http' }, 'PORT must be a whole number from 0 to 65535, got "http".'],
    [{ NODE_ENV: 'production' }, 'SESSION_SECRET must be set'],
    [{ DATABASE_URL: 'mysql://localhost' }, 'DATABASE_URL must look like postgres://'],
  ])('ends with one clear sentence for %j', async (env, sentence) => {
    const { code, stderr } = await runToEnd(env);
    expect(code).toBe(1);
    expect(stderr).toContain(sentence);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it(
    'says so when its port is taken',
    async () => {
      const taken = await listen((_req, res) => res.end());
      const { code, stderr } = await runToEnd({ PORT: new URL(taken.url).port, REDIS_URL: redis.url });
      expect(code).toBe(1);
      expect(stderr).toContain('EADDRINUSE');
    },
    FIRST_START_MS,
  );
});

function connectionCount(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
  });
}
