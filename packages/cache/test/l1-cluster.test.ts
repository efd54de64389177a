import { beforeAll, describe, expect, it } from '@jest/globals';
import { dedicatedCluster, until, type DedicatedCluster } from '@sallyport/testkit';
import type { Cluster } from 'ioredis';
import { cacheFixture } from './fixture.js';

const BOUND_MS = 1_500;

/** Masters by id, with their ports. */
async function masterPorts(client: Cluster): Promise<Map<string, number>> {
  const ranges = (await client.cluster('SLOTS')) as unknown as [number, number, [string, number, string]][];
  return new Map(ranges.map(([, , [, port, id]]) => [id, port]));
}

describe('createCache() with l1 on a Cluster', () => {
  let cluster: DedicatedCluster;
  beforeAll(async () => {
    cluster = await dedicatedCluster({ replicasPerMaster: 1 });
  }, 60_000);

  const keys = Array.from({ length: 24 }, (_key, index) => `key-${index}`);

  /** A cache with memory, another process's view without, and a way to fill the first. */
  async function armed() {
    const redis = cluster.client();
    const fixture = cacheFixture({ redis, l1: {} });
    const { cache, events, prefix } = fixture;
    await until(() => events.some((event) => event.type === 'l1' && event.isArmed), { timeoutMs: 10_000 });
    const other = cacheFixture({ redis: cluster.client(), prefix }).cache;
    /** A value from memory is one object for all callers; one from Redis is a copy. */
    const isKept = async (key: string) => {
      const value = await cache.get(key);
      return value !== undefined && (await cache.get(key)) === value;
    };
    const warm = () =>
      until(async () => (await Promise.all(keys.map(isKept))).every(Boolean), { timeoutMs: 10_000, everyMs: 20 });
    return { ...fixture, redis, other, warm, isKept };
  }
  const write = (cache: ReturnType<typeof cacheFixture>['cache'], text: string) =>
    Promise.all(keys.map((key) => cache.set(key, { text }, { tags: ['all', `tag of ${key}`] })));

  it('keeps values of all nodes, and follows writes and purges elsewhere', async () => {
    const { cache, other, warm } = await armed();
    const values = async () => (await cache.getMany<{ text: string }>(keys)).map((value) => value?.text);
    await write(other, 'first');
    await warm();
    await write(other, 'second');
    await until(async () => (await values()).every((text) => text === 'second'), { timeoutMs: BOUND_MS });
    await warm();
    await other.delete('key-0');
    await other.invalidateTags(['tag of key-1'], { soft: true });
    await until(async () => (await cache.get('key-0')) === undefined, { timeoutMs: BOUND_MS });
    await until(async () => (await cache.get('key-1')) === undefined, { timeoutMs: BOUND_MS });
    await other.clear();
    await until(async () => (await values()).every((text) => text === undefined), { timeoutMs: BOUND_MS });
    await cache.close();
  });

  it('keeps nothing from the moment that one of its connections is lost', async () => {
    const { cache, other, warm, redis, events } = await armed();
    await write(other, 'first');
    await warm();
    events.length = 0;
    const [node] = redis.nodes('master');
    await node?.call('client', 'kill', 'type', 'pubsub');
    await until(() => events.some((event) => event.type === 'l1' && !event.isArmed), { timeoutMs: BOUND_MS });
    await write(other, 'second');
    await until(() => events.some((event) => event.type === 'l1' && event.isArmed), { timeoutMs: 5_000 });
    const texts = (await cache.getMany<{ text: string }>(keys)).map((value) => value?.text);
    expect(new Set(texts)).toStrictEqual(new Set(['second']));
    await cache.close();
  });

  it('follows a slot that moves to another master', async () => {
    const { cache, other, warm, redis, events } = await armed();
    await write(other, 'first');
    await warm();
    events.length = 0;
    const root = 'key-3';
    const slot = await redis.cluster('KEYSLOT', root);
    const ports = await masterPorts(redis);
    const nodes = new Map(redis.nodes('master').map((node) => [Number(node.options.port), node]));
    const ranges = (await redis.cluster('SLOTS')) as unknown as [number, number, [string, number, string]][];
    const from = ranges.find(([first, last]) => first <= slot && slot <= last)?.[2][2] ?? '';
    const to = [...ports.keys()].find((id) => id !== from) ?? '';
    const at = (id: string) => nodes.get(ports.get(id) ?? 0);
    await at(to)?.cluster('SETSLOT', slot, 'IMPORTING', from);
    await at(from)?.cluster('SETSLOT', slot, 'MIGRATING', to);
    const moving = (await at(from)?.cluster('GETKEYSINSLOT', slot, 100)) as unknown as string[];
    for (const key of moving) await at(from)?.migrate('127.0.0.1', ports.get(to) ?? 0, key, 0, 5_000);
    for (const id of [to, ...[...ports.keys()].filter((id) => id !== to)]) {
      await at(id)?.cluster('SETSLOT', slot, 'NODE', to);
    }
    await other.set(root, { text: 'moved' });
    await until(async () => (await cache.get<{ text: string }>(root))?.text === 'moved', { timeoutMs: BOUND_MS + 500 });
    // Not every version of Redis tells of keys that a node loses with their slot: memory starts anew.
    await until(() => events.some((event) => event.type === 'l1' && !event.isArmed), { timeoutMs: BOUND_MS + 500 });
    await warm();
    await other.set(root, { text: 'moved again' });
    await until(async () => (await cache.get<{ text: string }>(root))?.text === 'moved again', { timeoutMs: BOUND_MS });
    await cache.close();
  });

  it('keeps nothing while a master is missing, and follows the replica that takes its place', async () => {
    const { cache, other, warm, redis, events, isKept } = await armed();
    await write(other, 'first');
    await warm();
    const [victim] = redis.nodes('master');
    const index = cluster.nodes.findIndex(({ port }) => port === victim?.options.port);
    events.length = 0;
    await cluster.kill(index);
    await until(() => events.some((event) => event.type === 'l1' && !event.isArmed), { timeoutMs: BOUND_MS + 500 });
    expect(await isKept('key-0')).toBe(false);
    await until(() => events.some((event) => event.type === 'l1' && event.isArmed), { timeoutMs: 20_000 });
    await until(
      () =>
        write(other, 'second').then(
          () => true,
          () => false,
        ),
      { timeoutMs: 10_000 },
    );
    await warm();
    await until(
      () =>
        write(other, 'third').then(
          () => true,
          () => false,
        ),
      { timeoutMs: 10_000 },
    );
    const texts = async () => (await cache.getMany<{ text: string }>(keys)).map((value) => value?.text);
    await until(async () => (await texts()).every((text) => text === 'third'), { timeoutMs: BOUND_MS });
    await cache.close();
  }, 60_000);
});
