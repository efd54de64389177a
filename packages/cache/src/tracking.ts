// Follows what changes under a prefix: Redis itself tells (CLIENT TRACKING, BCAST) on a connection of its own. What is told
// can be trusted only while the connection is armed; from the moment that it may have missed something it is not.
//
//   down ──connected──► TIME, CLIENT ID, TRACKING, SUBSCRIBE ──► armed ──closed | PING unanswered──► down
//                          └─ refused ──► off

import type { RedisClient } from '@sallyport/core';
import { openSideConnection, type SideClient } from './side-connection.js';
import { isStoreReply, type TrackingEvents } from './tracking-events.js';

const CHANNEL = '__redis__:invalidate';
const PING_EVERY_MS = 900;
const PING_TIMEOUT_MS = 450;

export interface Tracking {
  close(): void;
}

/** @param prefix of the keys as they stand in Redis */
export function openTracking(redis: RedisClient, prefix: string, events: TrackingEvents): Tracking {
  let heartbeat: NodeJS.Timeout | undefined;
  let current: SideClient | undefined;

  const connection = openSideConnection(redis, {
    onUp(client) {
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
  });

  async function arm(client: SideClient): Promise<void> {
    client.on('messageBuffer', (_channel, keys) => {
      if (current !== client) return;
      // FLUSHALL and FLUSHDB name no keys.
      if (!Array.isArray(keys)) return events.onFlush();
      for (const key of keys as unknown[]) events.onKey(String(key));
    });
    // From here on silence is noticed, also the one that begins before the first answer.
    heartbeat = setInterval(() => void beat(client), PING_EVERY_MS);
    heartbeat.unref();
    const sentAt = performance.now();
    const [seconds, micros] = (await client.call('time')) as [string, string];
    const id = await client.call('client', 'id');
    await client.call('client', 'tracking', 'on', 'redirect', Number(id), 'bcast', 'prefix', prefix);
    await client.call('subscribe', CHANNEL);
    if (current !== client) return;
    // Counted from before the question, so that the estimate never lags behind Redis.
    events.onArmed(Number(seconds) * 1_000 + Number(micros) / 1_000 - sentAt);
  }

  /** A connection without a route breaks without a word: silence is told from quiet by asking. */
  async function beat(client: SideClient): Promise<void> {
    const timer = setTimeout(() => current === client && connection.restart(), PING_TIMEOUT_MS);
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
