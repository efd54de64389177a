import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { startSentinel, type RedisSentinel, type ServerAddress } from '../src/index.js';
import { isPortFree } from '../src/free-port.js';
import { withConnection } from '../src/resp.js';

let redis: RedisSentinel | undefined;
afterEach(async () => {
  await redis?.stop();
  redis = undefined;
});

jest.setTimeout(90_000);

const ask = (server: ServerAddress, ...words: string[]) => withConnection(server, (client) => client.text(...words));

describe('startSentinel()', () => {
  it('starts a master, a replica in sync and three sentinels that know them, and stops them', async () => {
    redis = await startSentinel();
    const { master, replicas, sentinels, url } = redis;
    expect(url).toBe(`redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/mymaster`);
    expect([sentinels.length, replicas.length]).toEqual([3, 1]);
    for (const sentinel of sentinels) {
      const named = await ask(sentinel, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster');
      expect(named).toBe(`127.0.0.1,${master.port}`);
      expect(await ask(sentinel, 'SENTINEL', 'CKQUORUM', 'mymaster')).toMatch(/^OK 3 usable Sentinels/);
    }
    expect(await redis.currentMaster()).toEqual({ host: '127.0.0.1', port: master.port });
    expect(await ask(master, 'INFO', 'replication')).toContain('connected_slaves:1');

    await redis.stop();
    const ports = [master, ...replicas, ...sentinels].map((server) => server.port);
    expect(await Promise.all(ports.map(isPortFree))).toEqual(ports.map(() => true));
  });

  it('fails over to the replica when the master is killed, with its data', async () => {
    redis = await startSentinel({ masterName: 'shop' });
    const { master, replicas } = redis;
    await withConnection(master, async (client) => {
      await client.command('SET', 'key', 'value');
      expect(await client.command('WAIT', 1, 1_000)).toBe(1);
    });
    const promoted = await redis.failover();
    expect(promoted).toEqual({ host: '127.0.0.1', port: replicas[0]?.port });
    expect(await ask(promoted, 'GET', 'key')).toBe('value');
    expect(await ask(promoted, 'SET', 'key', 'next')).toBe('OK');
  });

  it('fails over with a sentinel down', async () => {
    redis = await startSentinel();
    await redis.sentinelServers[0]?.kill();
    const promoted = await redis.failover();
    expect(promoted.port).toBe(redis.replicas[0]?.port);
    await redis.sentinelServers[0]?.restart();
    expect(await redis.currentMaster()).toEqual(promoted);
  });

  it.each([
    [{ sentinels: 0 }, 'sentinels must be an integer from 1 to 9, got 0'],
    [{ replicas: '1' }, 'replicas must be an integer from 0 to 9, got "1"'],
    [{ masterName: 'my master' }, 'masterName must be letters, digits, ".", "-" and "_", got "my master"'],
    [{ downAfterMs: 1 }, 'downAfterMs must be an integer from 100 to 60000, got 1'],
    [{ quorum: 2 }, 'Unknown option quorum'],
  ])('throws synchronously for %j', (options, message) => {
    expect(() => startSentinel(options as object)).toThrow(message);
  });
});
