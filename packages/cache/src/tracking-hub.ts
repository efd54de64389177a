// One following of changes for all caches on a client: a connection costs Redis work for each write, whoever listens on it.
// A connection that follows can't be given further prefixes, so one more cache means one more connection in place of the
// old, and for that moment no memory; caches that are made together share the first.

import type { RedisClient } from '@sallyport/core';
import { openClusterTracking } from './cluster-tracking.js';
import { openTracking, type Tracking } from './tracking.js';
import type { TrackingEvents } from './tracking-events.js';

interface Follower extends TrackingEvents {
  readonly prefix: string;
}

interface Hub {
  add(follower: Follower): void;
  remove(follower: Follower): void;
}

const hubs = new WeakMap<RedisClient, Hub>();

/** Follows what changes under `prefix`, on the connection that all who follow by this client share. */
export function follow(redis: RedisClient, prefix: string, events: TrackingEvents): Tracking {
  const hub = hubs.get(redis) ?? createHub(redis);
  hubs.set(redis, hub);
  const follower = { ...events, prefix };
  hub.add(follower);
  return { close: () => hub.remove(follower) };
}

function createHub(redis: RedisClient): Hub {
  const followers = new Set<Follower>();
  const isCluster = typeof Reflect.get(redis, 'nodes') === 'function';
  let tracking: Tracking | undefined;
  let followed = '';
  let armedAt: number | undefined;
  let isPlanned = false;

  const forAll = (tell: (follower: Follower) => void) => {
    for (const follower of followers) tell(follower);
  };

  function open(): void {
    isPlanned = false;
    const prefixes = outermost([...followers].map(({ prefix }) => prefix));
    if (followers.size > 0 && prefixes.join(' ') === followed) return;
    tracking?.close();
    tracking = undefined;
    followed = prefixes.join(' ');
    if (followers.size === 0) return;
    tracking = (isCluster ? openClusterTracking : openTracking)(redis, prefixes, {
      onArmed: (clockMs) => ((armedAt = clockMs), forAll(({ onArmed }) => onArmed(clockMs))),
      onDown: () => ((armedAt = undefined), forAll(({ onDown }) => onDown())),
      onFlush: () => forAll(({ onFlush }) => onFlush()),
      onKey: (key) => forAll(({ prefix, onKey }) => (key.startsWith(prefix) ? onKey(key) : undefined)),
      onRefused(error) {
        // Whoever comes later asks anew.
        followed = '';
        const refused = [...followers];
        followers.clear();
        for (const { onRefused } of refused) onRefused(error);
      },
    });
  }

  /** At the end of this turn: caches are made one after the other, mostly. */
  function plan(): void {
    if (isPlanned) return;
    isPlanned = true;
    setImmediate(open);
  }

  return {
    add(follower) {
      followers.add(follower);
      // Under a prefix that is followed already there is nothing to wait for.
      const isCovered = followed.split(' ').some((prefix) => prefix !== '' && follower.prefix.startsWith(prefix));
      if (isCovered && armedAt !== undefined) follower.onArmed(armedAt);
      else if (!isCovered) plan();
    },
    remove(follower) {
      if (followers.delete(follower) && followers.size === 0) plan();
    },
  };
}

/** Redis refuses prefixes of which one begins with another. */
function outermost(prefixes: readonly string[]): string[] {
  const all = [...new Set(prefixes)].toSorted();
  return all.filter((prefix) => !all.some((other) => other !== prefix && prefix.startsWith(other)));
}
