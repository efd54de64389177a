// Waits until replicas have what a connection has written. WAIT holds up the connection meanwhile, and on a Cluster it
// must go to the node that has the key.

import { masterClients, type RedisClient } from '@sallyport/core';
import { slotOf } from './slot.js';

/** A client of one node, and of a Cluster what tells where slots are. */
type NodeClient = RedisClient & { readonly options: { readonly host?: string; readonly port?: number } };
type Slots = readonly (readonly string[] | undefined)[];

/** Gives how many replicas have acknowledged what was written before: `replicas` or more, or fewer after `timeoutMs`. */
export async function replicasReached(
  redis: RedisClient,
  key: string,
  replicas: number,
  timeoutMs: number,
): Promise<number> {
  const reached = await nodeOf(redis, key)?.call('WAIT', replicas, timeoutMs);
  return Number(reached ?? 0);
}

function nodeOf(redis: RedisClient, key: string): RedisClient | undefined {
  const nodes = masterClients(redis) as NodeClient[];
  if (nodes[0] === redis) return redis;
  const { slots } = redis as RedisClient & { readonly slots: Slots };
  const address = slots[slotOf((redis.options.keyPrefix ?? '') + key)]?.[0];
  return nodes.find(({ options }) => `${options.host}:${options.port}` === address);
}
