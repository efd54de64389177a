import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { claimPorts, findFreePorts, isPortFree } from '../src/free-port.js';
import { PortInUseError } from '../src/index.js';

let taken: Server | undefined;
afterEach(() => void taken?.close());

async function take(port: number): Promise<void> {
  taken = createServer().listen(port, '127.0.0.1');
  await once(taken, 'listening');
}

describe('findFreePorts()', () => {
  it('finds different ports that are free', async () => {
    const ports = await findFreePorts(20);
    expect(new Set(ports).size).toBe(20);
    expect(await Promise.all(ports.map(isPortFree))).toEqual(ports.map(() => true));
  });

  it('leaves room for the Cluster bus port', async () => {
    for (const port of await findFreePorts(10, true)) expect(port + 10_000).toBeLessThan(32_768);
  });
});

describe('claimPorts()', () => {
  it('counts up from the first port', async () => {
    const [first = 0] = await findFreePorts(1);
    expect(await claimPorts(first, 1)).toEqual([first]);
  });

  it('refuses a port that is taken', async () => {
    const [port = 0] = await findFreePorts(1);
    await take(port);
    await expect(claimPorts(port, 1)).rejects.toThrow(new PortInUseError(port));
  });

  it('refuses a port whose Cluster bus port is taken', async () => {
    const [port = 0] = await findFreePorts(1, true);
    await take(port + 10_000);
    expect(await claimPorts(port, 1)).toEqual([port]);
    await expect(claimPorts(port, 1, true)).rejects.toMatchObject({ code: 'ERR_REDIS_SERVER_PORT_IN_USE', port });
  });
});
