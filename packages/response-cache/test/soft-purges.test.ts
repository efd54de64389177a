import { beforeEach, describe, expect, it } from '@jest/globals';
import { deferred, expressVersions, until } from '@sallyport/testkit';
import { site } from './fixture.js';

describe.each(expressVersions)('a soft purge on $name', ({ express }) => {
  type Shop = ReturnType<typeof site>;
  const verbs: Record<string, (shop: Shop) => Promise<unknown>> = {
    invalidate: (shop) => shop.cached.invalidate('/', { soft: true }),
    invalidateTags: (shop) => shop.cached.invalidateTags(['t'], { soft: true }),
    clear: (shop) => shop.cached.clear({ soft: true }),
  };

  it.each(Object.keys(verbs))('by %s serves what is stored while the handler is asked', async (verb) => {
    const shop = site(express, { tags: ['t'], staleWhileRevalidateMs: 60_000 });
    shop.serve((_req, res) => void res.send(String(shop.runs.count)));
    await shop.get('/');
    expect(await shop.get('/')).toMatchObject({ cache: 'HIT', text: '1' });
    await verbs[verb]?.(shop);
    expect(await shop.get('/')).toMatchObject({ cache: 'STALE', text: '1' });
    await until(async () => (await shop.get('/')).cache === 'HIT');
    expect((await shop.get('/')).text).toBe('2');
  });

  it('serves nothing stale without a permission to, and asks the handler', async () => {
    const shop = site(express);
    shop.serve((_req, res) => void res.send(String(shop.runs.count)));
    await shop.get('/');
    expect(await shop.cached.invalidate('/', '/other', { soft: true })).toBe(1);
    expect(await shop.get('/')).toMatchObject({ cache: 'MISS', text: '2' });
    expect(await shop.get('/')).toMatchObject({ cache: 'HIT', text: '2' });
  });

  it('covers a handler that fails, and a hard purge does not', async () => {
    const shop = site(express, { staleIfErrorMs: 60_000 });
    shop.serve((_req, res) => void (shop.runs.count === 1 ? res.send('good') : res.sendStatus(503)));
    await shop.get('/');
    await shop.cached.invalidate('/', { soft: true });
    expect(await shop.get('/')).toMatchObject({ status: 200, cache: 'STALE', text: 'good' });
    await shop.cached.invalidate('/');
    expect((await shop.get('/')).status).toBe(503);
  });

  it('has the handler asked once by all processes together, also by one that reads late', async () => {
    const gate = deferred();
    const runs: string[] = [];
    const shops = ['a', 'b'].map((name, index) => {
      const { redis, prefix } = index === 0 ? { redis: undefined, prefix: undefined } : (first as Shop);
      const shop = site(express, {
        staleWhileRevalidateMs: 60_000,
        ...(redis && { redis }),
        ...(prefix !== undefined && { prefix }),
      });
      shop.serve(async (_req, res) => {
        runs.push(name);
        if (runs.length > 1) await gate.promise;
        res.send(String(runs.length));
      });
      first ??= shop;
      return shop;
    });
    const [one, other] = shops as [Shop, Shop];
    await one.get('/');
    await one.cached.invalidate('/', { soft: true });
    for (const shop of [one, other, one, other]) expect((await shop.get('/')).cache).toBe('STALE');
    await until(() => runs.length > 1);
    for (const shop of [one, other, one, other]) expect((await shop.get('/')).cache).toBe('STALE');
    gate.resolve();
    await until(async () => (await other.get('/')).cache === 'HIT');
    expect(runs).toHaveLength(2);
  });

  let first: Shop | undefined;
  beforeEach(() => {
    first = undefined;
  });
});
