import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  connect,
  dedicatedRedis,
  dedicatedSentinel,
  expressVersions,
  listen,
  redisUrl,
  uniquePrefix,
  until,
  within,
  type DedicatedSentinel,
} from '@sallyport/testkit';

describe('connect()', () => {
  it("uses the worker's own database", async () => {
    expect(redisUrl()).toMatch(new RegExp(`/${process.env['JEST_WORKER_ID'] ?? '1'}$`));
    expect(await connect().client('INFO')).toContain(` db=${process.env['JEST_WORKER_ID'] ?? '1'} `);
  });
});

describe('uniquePrefix()', () => {
  it('differs on each call', () => {
    expect(uniquePrefix('same')).not.toBe(uniquePrefix('same'));
  });
});

describe('dedicatedRedis()', () => {
  it('is another server than the shared one, with its own password if asked', async () => {
    const server = await dedicatedRedis({ password: 'p@ss/word' });
    const client = server.client();
    await client.set('only', 'here');
    expect(new URL(redisUrl()).port).not.toBe(String(server.port));
    expect(await connect().exists('only')).toBe(0);
  });

  it('answers nothing while paused, and everything afterwards', async () => {
    const server = await dedicatedRedis();
    const client = server.client();
    await client.ping();
    server.pause();
    const ping = client.ping();
    await expect(within(50, ping)).rejects.toThrow('Still pending');
    server.resume();
    expect(await ping).toBe('PONG');
  });

  it('has another pid, and no keys, after a restart', async () => {
    const server = await dedicatedRedis();
    const client = server.client({ retryStrategy: () => 20 });
    await client.set('lost', '1');
    const { pid } = server;
    await server.restart();
    expect(server.pid).not.toBe(pid);
    expect(await until(async () => [await client.exists('lost')])).toStrictEqual([0]);
  });
});

describe('dedicatedSentinel()', () => {
  let sentinel: DedicatedSentinel;
  beforeAll(async () => {
    sentinel = await dedicatedSentinel();
  });

  it('gives clients that follow the master through a failover', async () => {
    const client = sentinel.client();
    expect(await client.role()).toContain('master');
    const { port } = await sentinel.failover();
    expect(port).not.toBe(sentinel.master.port);
    expect(await until(() => client.set('after', 'failover', 'EX', 60), { timeoutMs: 15_000 })).toBe('OK');
  });
});

describe.each(expressVersions)('listen() with $name', ({ name, express }) => {
  it('serves the app until it is closed', async () => {
    const app = express();
    app.get('/', (_req, res) => {
      res.json({ name });
    });
    const { url, close } = await listen(app);
    expect(await (await fetch(url)).json()).toStrictEqual({ name });
    await close();
    await expect(fetch(url)).rejects.toThrow('fetch failed');
  });

  it('is the version that its name says', async () => {
    const app = express();
    app.get('/', () => Promise.reject(Object.assign(new Error('forwarded'), { status: 418 })));
    if (name === 'Express 4') return expect(app).toHaveProperty('del');
    const { url } = await listen(app);
    expect((await fetch(url)).status).toBe(418);
  });
});
