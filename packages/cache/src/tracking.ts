// Follows what changes under prefixes: Redis itself tells (CLIENT TRACKING, BCAST) on a connection of its own. What is told
// can be trusted only while the connection is armed; from the moment that it may have missed something it is not.
//
//   down ──connected──► TIME, CLIENT ID, TRACKING, SUBSCRIBE ──► armed ──closed | PING unanswered──► down
//                          └─ refused ──► off

import type { RedisClient } from '@sallyport/core';
import { openSideConnection, type SideClient } from './side-connection.js';
import { isStoreReply, type TrackingEvents } from './tracking-events.js';

const CHANNEL = '__redis__:invalidate';
/** Together less than 1.5 s: that long a value may be out of date when everything is swallowed. */
export const CHECK_EVERY_MS = 900;
export const CHECK_TIMEOUT_MS = 450;

export interface Tracking {
  close(): void;
}

/** Which node to follow; the master that the client is connected to when it is left out. */
export interface Node {
  readonly pick: () => RedisClient | undefined;
  /** Receives the identity of the node in its Cluster, before it is armed. */
  readonly onIdentity: (id: string) => void;
}

/** @param prefixes of the keys as they stand in Redis; none begins with another */
export function openTracking(
  redis: RedisClient,
  prefixes: readonly string[],
  events: TrackingEvents,
  node?: Node,
): Tracking {
  let heartbeat: NodeJS.Timeout | undefined;
  let current: SideClient | undefined;

  const listener = {
    onUp(client: SideClient) {
      current = client;
      arm(client).catch((error: unknown) => {
        if (current !== client) return;
        // The server's own "no": asking again would get the same answer. Anything else is the network.
        if (isStoreReply(error)) {
          connection.close();
          events.onRefused(error);
        } else connection.restart();
      });
    },
    onDown() {
      current = undefined;
      clearInterval(heartbeat);
      events.onDown();
    },
  };
  const connection = openSideConnection(redis, listener, node?.pick);

  async function arm(client: SideClient): Promise<void> {
    client.on('messageBuffer', (_channel, keys) => {
      if (current !== client) return;
      // FLUSHALL and FLUSHDB name no keys.
      if (!Array.isArray(keys)) return events.onFlush();
      for (const key of keys as unknown[]) events.onKey(String(key));
    });
    // From here on silence is noticed, also the one that begins before the first answer.
    heartbeat = setInterval(() => void beat(client), CHECK_EVERY_MS);
    heartbeat.unref();
    const sentAt = performance.now();
    const [seconds, micros] = (await client.call('time')) as [string, string];
    if (node !== undefined) node.onIdentity(String(await client.call('cluster', 'myid')));
    const id = await client.call('client', 'id');
    const under = prefixes.flatMap((prefix) => ['prefix', prefix]);
    await client.call('client', 'tracking', 'on', 'redirect', Number(id), 'bcast', ...under);
    await client.call('subscribe', CHANNEL);
    if (current !== client) return;
    // Counted from before the question, so that the estimate never lags behind Redis.
    events.onArmed(Number(seconds) * 1_000 + Number(micros) / 1_000 - sentAt);
  }

  /** A connection without a route breaks without a word: silence is told from quiet by asking. */
  async function beat(client: SideClient): Promise<void> {
    const timer = setTimeout(() => current === client && connection.restart(), CHECK_TIMEOUT_MS);
    timer.unref();
    try {
      await client.call('ping');
      clearTimeout(timer);
    } catch {
      clearTimeout(timer);
      if (current === client) connection.restart();
    }
  }

  return {
    close() {
      clearInterval(heartbeat);
      connection.close();
    },
  };
}
