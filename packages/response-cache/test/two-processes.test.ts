import { describe, expect, it } from '@jest/globals';
import { connect, redisUrl, startProcess, uniquePrefix, until } from '@sallyport/testkit';

const start = async (prefix: string) => {
  const { value } = await startProcess<string>({
    module: new URL('./processes/server.ts', import.meta.url),
    args: { prefix, redisUrl: redisUrl() },
  });
  return value;
};
const ask = async (url: string, init?: RequestInit) => {
  const response = await fetch(url, init);
  return { cache: response.headers.get('x-cache'), text: await response.text() };
};

describe('two processes on one Redis', () => {
  it('share responses and purges', async () => {
    const prefix = uniquePrefix('processes');
    const [one, two] = await Promise.all([start(prefix), start(prefix)]);
    const first = await ask(`${one}/page`);
    expect(first.cache).toBe('MISS');
    await until(async () => (await ask(`${two}/page`)).cache === 'HIT');
    expect((await ask(`${two}/page`)).text).toBe(first.text);
    for (const purge of ['invalidate', 'invalidateTags', 'clear']) {
      await ask(`${two}/purge/${purge}`, { method: 'POST' });
      const after = await ask(`${one}/page`);
      expect(after).toMatchObject({ cache: 'MISS' });
      expect(after.text).not.toBe(first.text);
      await until(async () => (await ask(`${two}/page`)).cache === 'HIT');
    }
  });

  it('never store a response that a purge by the other has overtaken', async () => {
    const prefix = uniquePrefix('processes');
    const [one, two] = await Promise.all([start(prefix), start(prefix)]);
    for (const purge of ['invalidate', 'invalidateTags', 'clear']) {
      const slow = ask(`${one}/page?slow=${purge}`);
      await until(async () => (await ask(`${one}/running`)).text === '1');
      const headers = { 'X-Url': `/page?slow=${purge}` };
      await ask(`${two}/purge/${purge}`, { method: 'POST', headers });
      await ask(`${one}/finish`, { method: 'POST' });
      await slow;
      expect((await ask(`${two}/page?slow=${purge}`, { headers: { 'X-Fast': '1' } })).cache).toBe('MISS');
    }
  });

  it('ask the handler of a stale response once, however many clients are given it meanwhile', async () => {
    const prefix = uniquePrefix('processes');
    const servers = await Promise.all([start(prefix), start(prefix)]);
    const redis = connect();
    const runs = async () => Number(await redis.get(`${prefix}runs`));
    const askAll = async (count: number) => {
      const urls = Array.from({ length: count }, (_one, index) => `${servers[index % 2]}/brief`);
      return Promise.all(urls.map((url) => ask(url)));
    };
    expect((await ask(`${servers[0]}/brief`)).text).toBe('run 1');
    await until(async () => (await askAll(2)).every(({ cache }) => cache === 'STALE'));
    await until(async () => (await runs()) === 2);
    // The second run is held: all clients of both processes get what is stale, and none of them asks again.
    for (const { cache, text } of await askAll(40)) expect([cache, text]).toStrictEqual(['STALE', 'run 1']);
    expect(await runs()).toBe(2);
    await Promise.all(servers.map((url) => ask(`${url}/finish`, { method: 'POST' })));
    await until(async () => (await askAll(2)).every(({ cache }) => cache === 'HIT'));
    for (const { text } of await askAll(10)) expect(text).toBe('run 2');
    expect(await runs()).toBe(2);
    await redis.unlink(`${prefix}runs`);
  });
});
