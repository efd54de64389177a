import { describe, expect, it } from '@jest/globals';
import { deferred, expressVersions, until } from '@sallyport/testkit';
import { site } from './fixture.js';

const many = <T>(make: (index: number) => Promise<T>) => Promise.all(Array.from({ length: 20 }, (_one, i) => make(i)));

describe.each(expressVersions)('concurrent misses, on $name', ({ express }) => {
  /** The handler waits until `count` requests have been looked up. */
  function gated(
    options: Parameters<typeof site>[1] = {},
    headers: (cookie: string) => Record<string, string> = () => ({}),
  ) {
    const shop = site(express, options);
    const gate = deferred();
    shop.serve(async (req, res) => {
      const run = String(shop.runs.count);
      await gate.promise;
      res.set(headers(run)).send(`${run} ${req.get('accept-language') ?? ''}`);
    });
    const open = async (count: number) => {
      await until(() => shop.events.filter(({ type }) => type === 'miss').length === count);
      gate.resolve();
    };
    return { shop, open };
  }

  it('run the handler once, and say so', async () => {
    const { shop, open } = gated();
    const [answers] = await Promise.all([many(() => shop.get('/')), open(20)]);
    expect(shop.runs.count).toBe(1);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.filter(({ cache }) => cache === 'MISS')).toHaveLength(1);
    const shared = answers.filter(({ headers }) => headers['cache-status'] === 'sallyport; fwd=miss; collapsed');
    expect(shared).toHaveLength(19);
    expect(shop.cached.stats()).toMatchObject({ misses: 1, coalesced: 19, stored: 1, hitRatio: 0.95 });
  });

  it.each([
    ['Set-Cookie', (run: string) => ({ 'Set-Cookie': `a=${run}` })],
    ['private', () => ({ 'Cache-Control': 'private' })],
    ['no-store', () => ({ 'Cache-Control': 'no-store' })],
    ['Vary: *', () => ({ Vary: '*' })],
  ])('share no response with %s', async (_name, headers) => {
    const { shop, open } = gated({}, headers);
    const [answers] = await Promise.all([many(() => shop.get('/')), open(20)]);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(20);
  });

  it('of a key whose responses cannot be shared do not wait for one another', async () => {
    const shop = site(express);
    const all = deferred();
    shop.serve(async (_req, res) => {
      // Ends only when all of them run at once.
      if (shop.runs.count === 21) all.resolve();
      if (shop.runs.count > 1) await all.promise;
      res.set('Cache-Control', 'private').send('x');
    });
    await shop.get('/');
    await many(() => shop.get('/'));
    expect(shop.runs.count).toBe(21);
  });

  it('give each variant to its own, also when Vary is not known before (RFC 9111 §4.1)', async () => {
    const { shop, open } = gated({}, () => ({ Vary: 'Accept-Language' }));
    const ask = (index: number) => shop.get('/', { 'Accept-Language': index % 2 ? 'de' : 'en' });
    const [answers] = await Promise.all([many(ask), open(20)]);
    for (const [index, { text }] of answers.entries()) expect(text.endsWith(index % 2 ? 'de' : 'en')).toBe(true);
  });

  it('of clients with cookies or credentials wait for nobody', async () => {
    const { shop, open } = gated();
    await Promise.all([many((index) => shop.get('/', { Cookie: `sid=${index}` })), open(20)]);
    expect(shop.runs.count).toBe(20);
  });

  it('share nothing that a purge has overtaken', async () => {
    const shop = site(express);
    const gates = [deferred(), deferred()];
    shop.serve(async (_req, res) => {
      const run = shop.runs.count;
      await gates[Math.min(run, 2) - 1]?.promise;
      res.send(String(run));
    });
    const first = shop.get('/');
    await until(() => shop.runs.count === 1);
    await shop.cached.invalidate('/');
    const second = shop.get('/');
    await until(() => shop.events.filter(({ type }) => type === 'miss').length === 2);
    gates[0]?.resolve();
    gates[1]?.resolve();
    expect([(await first).text, (await second).text]).toStrictEqual(['1', '2']);
  });

  it('go on by themselves when the one they wait for comes to no end', async () => {
    const shop = site(express, { coalesceMs: 50 });
    const gate = deferred();
    shop.serve(async (_req, res) => {
      if (shop.runs.count === 1) await gate.promise;
      res.send('x');
    });
    const first = shop.get('/');
    await until(() => shop.runs.count === 1);
    expect((await shop.get('/')).text).toBe('x');
    gate.resolve();
    await first;
  });
});
