import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { startCluster, type RedisCluster, type ServerAddress } from '../src/index.js';
import { findFreePorts, isPortFree } from '../src/free-port.js';
import { withConnection } from '../src/resp.js';

let cluster: RedisCluster | undefined;
afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

jest.setTimeout(90_000);
const KEY = 'kept';

const ask = (node: ServerAddress, ...words: string[]) => withConnection(node, (redis) => redis.text(...words));

/** The index of the node that serves KEY, as the nodes say. */
async function ownerOfKey(nodes: ServerAddress[]): Promise<number> {
  for (const [index, node] of nodes.entries()) {
    const answer = await ask(node, 'GET', KEY).catch((error: unknown) => String(error));
    if (!answer.includes('MOVED')) return index;
  }
  throw new Error(`no node serves ${KEY}`);
}

describe('startCluster()', () => {
  it('starts three masters that serve all slots, and stops them', async () => {
    cluster = await startCluster();
    const { nodes, url, urls } = cluster;
    expect(nodes).toHaveLength(3);
    expect(url).toBe(`redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`);
    expect(urls).toEqual(nodes.map(({ port }) => `redis://127.0.0.1:${port}`));
    for (const node of nodes) {
      const info = await ask(node, 'CLUSTER', 'INFO');
      expect(info).toContain('cluster_state:ok');
      expect(info).toContain('cluster_slots_ok:16384');
    }
    const owner = nodes[await ownerOfKey(nodes)] ?? { host: '', port: 0 };
    expect(await ask(owner, 'SET', KEY, 'value')).toBe('OK');
    await cluster.stop();
    expect(await Promise.all(nodes.map(({ port }) => isPortFree(port)))).toEqual([true, true, true]);
  });

  it('promotes the replica of a master that is killed or paused, and takes the old master back as a replica', async () => {
    cluster = await startCluster({ replicasPerMaster: 1 });
    const { nodes } = cluster;
    const owner = await ownerOfKey(nodes);
    const replica = nodes[owner + 3] ?? { host: '', port: 0 };
    expect(nodes).toHaveLength(6);
    expect(await ask(replica, 'ROLE')).toContain(`slave,127.0.0.1,${nodes[owner]?.port},connected`);
    await withConnection(nodes[owner] ?? replica, async (redis) => {
      await redis.command('SET', KEY, 'value');
      expect(await redis.command('WAIT', 1, 1_000)).toBe(1);
    });

    await cluster.kill(owner);
    await cluster.ready();
    expect(await ask(replica, 'GET', KEY)).toBe('value');

    await cluster.restart(owner);
    await cluster.ready();
    expect(await ask(nodes[owner] ?? replica, 'ROLE')).toContain(`slave,127.0.0.1,${replica.port}`);

    cluster.pause(owner + 3);
    await cluster.ready();
    expect(await ask(nodes[owner] ?? replica, 'GET', KEY)).toBe('value');
    cluster.resume(owner + 3);
    await cluster.ready();
    expect(await ask(replica, 'ROLE')).toContain(`slave,127.0.0.1,${nodes[owner]?.port}`);
  });

  it('takes ports in a row from the port given, and refuses taken ports and unknown indexes', async () => {
    const [port = 0] = await findFreePorts(1, true);
    cluster = await startCluster({ masters: 2, port });
    expect(cluster.nodes.map((node) => node.port)).toEqual([port, port + 1]);
    await expect(startCluster({ port: port - 1 })).rejects.toMatchObject({ code: 'ERR_REDIS_SERVER_PORT_IN_USE' });
    const running = cluster;
    expect(() => running.pause(2)).toThrow('index must be an integer from 0 to 1, got 2');
    expect(() => running.resume(-1)).toThrow('got -1');
  });

  it('leaves no server behind when a node does not start', async () => {
    const [port = 0] = await findFreePorts(1, true);
    await expect(startCluster({ port, masters: 2, args: ['--no-such-setting', 'yes'] })).rejects.toMatchObject({
      code: 'ERR_REDIS_SERVER_START',
    });
    expect(await Promise.all([port, port + 1].map(isPortFree))).toEqual([true, true]);
  });

  it.each([
    [{ masters: 0 }, 'masters must be an integer from 1 to 20, got 0'],
    [{ replicasPerMaster: -1 }, 'replicasPerMaster must be an integer from 0 to 4, got -1'],
    [{ nodeTimeoutMs: 1.5 }, 'nodeTimeoutMs must be an integer from 100 to 60000, got 1.5'],
    [{ port: 60_000 }, 'port must be an integer from 1 to'],
    [{ password: 'x' }, 'Unknown option password'],
  ])('throws synchronously for %j', (options, message) => {
    expect(() => startCluster(options as object)).toThrow(message);
  });
});
