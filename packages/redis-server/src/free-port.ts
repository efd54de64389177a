/**
 * Chooses ports on 127.0.0.1. A port that was free can be taken by the time a server binds it, so callers start the
 * server and come back for other ports when it clashes; this file only makes that rare.
 */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { PortInUseError } from './errors.js';

export const HOST = '127.0.0.1';
/** A Cluster node listens for the others at its port plus this. */
export const CLUSTER_BUS_OFFSET = 10_000;

// Below the ranges that systems take local ports of outgoing connections from (Linux: 32768 up), bus ports included.
const LOWEST_PORT = 10_240;
const HIGHEST_PORT = 22_700;

/** `count` different ports that are free now; with `withBus`, their Cluster bus ports are free as well. */
export async function findFreePorts(count: number, withBus = false): Promise<number[]> {
  const ports = new Set<number>();
  for (let attempt = 0; ports.size < count; attempt += 1) {
    if (attempt > 50 * count) throw new Error(`Found no ${count} free ports from ${LOWEST_PORT} to ${HIGHEST_PORT}`);
    const port = randomInt(LOWEST_PORT, HIGHEST_PORT);
    if (!ports.has(port) && (await isUsable(port, withBus))) ports.add(port);
  }
  return [...ports];
}

/**
 * The ports `first`, `first + 1`, …
 * @throws {PortInUseError} when one of them, or its bus port, is taken.
 */
export async function claimPorts(first: number, count: number, withBus = false): Promise<number[]> {
  const ports = Array.from({ length: count }, (_, index) => first + index);
  for (const port of ports) if (!(await isUsable(port, withBus))) throw new PortInUseError(port);
  return ports;
}

/** Whether a server could listen on the port now. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: HOST, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

async function isUsable(port: number, withBus: boolean): Promise<boolean> {
  return (await isPortFree(port)) && (!withBus || (await isPortFree(port + CLUSTER_BUS_OFFSET)));
}
