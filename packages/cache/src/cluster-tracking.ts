// Follows what changes on a Cluster, where each master tells of its own keys only: one connection per master, armed when
// all are. A slot that moves to a master which nobody follows would change unheard, so all masters are asked, as often as
// the connections are checked, who serves which slots: as long as they agree, and each that serves is followed, everything
// is heard. Anything else — one that is silent, two that disagree, another distribution — empties the memory.

import { masterClients, type RedisClient } from '@sallyport/core';
import { CHECK_EVERY_MS, CHECK_TIMEOUT_MS, openTracking, type Tracking } from './tracking.js';
import { isStoreReply, type TrackingEvents } from './tracking-events.js';

/** Pause between two looks while not armed. */
const RETRY_MS = 250;

interface Link {
  readonly tracking: Tracking;
  id?: string;
  /** Set while the connection is armed. */
  clockMs?: number | undefined;
}

/** @param prefixes as for {@link openTracking} */
export function openClusterTracking(redis: RedisClient, prefixes: readonly string[], events: TrackingEvents): Tracking {
  const links = new Map<string, Link>();
  /** Who serves which slots, as all masters told. */
  let slots: string | undefined;
  let isArmed = false;
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;

  function goDown(): void {
    if (isArmed) events.onDown();
    isArmed = false;
  }

  /** Arms when every master that serves slots is followed, and not before. */
  function settle(): void {
    const armed = [...links.values()].filter(({ clockMs }) => clockMs !== undefined);
    const serving = new Set(slots?.match(/(?<==)\w+/g));
    const isWhole = serving.size > 0 && [...serving].every((id) => armed.some((link) => link.id === id));
    if (!isWhole) return goDown();
    if (isArmed || isClosed) return;
    isArmed = true;
    // The clocks of nodes differ: by the fastest, values end too early rather than too late.
    events.onArmed(Math.max(...armed.map(({ clockMs = 0 }) => clockMs)));
  }

  function follow(address: string): Link {
    const forwarded: TrackingEvents = {
      onArmed: (clockMs) => ((link.clockMs = clockMs), settle()),
      onDown: () => ((link.clockMs = undefined), settle()),
      onKey: (key) => isArmed && events.onKey(key),
      onFlush: () => isArmed && events.onFlush(),
      onRefused: refuse,
    };
    const pick = () => masterClients(redis).find((node) => addressOf(node) === address);
    const tracking = openTracking(redis, prefixes, forwarded, { pick, onIdentity: (id) => (link.id = id) });
    const link: Link = { tracking };
    return link;
  }

  function refuse(error: Error): void {
    if (isClosed) return;
    close();
    events.onRefused(error);
  }

  async function look(): Promise<void> {
    // A client that has ended has no nodes any more.
    if (redis.status === 'end') return close();
    const nodes = masterClients(redis);
    const views = await Promise.all(nodes.map(askForSlots));
    if (isClosed) return;
    const refusal = views.find((view) => view instanceof Error);
    if (refusal !== undefined) return refuse(refusal);
    const [view] = views;
    const known = typeof view === 'string' && views.every((other) => other === view) ? view : undefined;
    if (known !== slots) goDown();
    slots = known;
    const addresses = new Set(nodes.map(addressOf));
    for (const [address, { tracking }] of links) {
      if (addresses.has(address)) continue;
      links.delete(address);
      tracking.close();
    }
    for (const address of addresses) if (!links.has(address)) links.set(address, follow(address));
    settle();
    // The client may know of other masters than these.
    if (!isArmed) (redis as { refreshSlotsCache?: (done: () => void) => void }).refreshSlotsCache?.(() => undefined);
    timer = setTimeout(() => void look(), isArmed ? CHECK_EVERY_MS : RETRY_MS).unref();
  }

  function close(): void {
    isClosed = true;
    clearTimeout(timer);
    goDown();
    for (const { tracking } of links.values()) tracking.close();
  }

  // Asked for at the first turn, so that `links` can be filled by what is called back at once.
  timer = setTimeout(() => void look(), 0).unref();
  return { close };
}

function addressOf({ options }: RedisClient): string {
  const { host, port } = options as { host?: string; port?: number };
  return `${host}:${port}`;
}

/** Gives who serves which slots, an error when the node refuses to tell, or `undefined` when it is silent. */
async function askForSlots(node: RedisClient): Promise<string | Error | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<undefined>(
    (resolve) => (timer = setTimeout(resolve, CHECK_TIMEOUT_MS, undefined).unref()),
  );
  try {
    const reply = await Promise.race([node.call('cluster', 'slots'), silence]);
    if (!Array.isArray(reply)) return undefined;
    const ranges = (reply as [number, number, [string, number, string]][]).map(
      ([from, to, [, , id]]) => `${from}-${to}=${id}`,
    );
    return ranges.toSorted().join(' ');
  } catch (error) {
    return isStoreReply(error) && /^(NOPERM|ERR unknown)/.test(error.message) ? error : undefined;
  } finally {
    clearTimeout(timer);
  }
}
