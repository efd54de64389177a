// Lets a load that ends in one process wake those who wait for it in others. One connection per client and process, made
// when somebody first waits. A call can be lost — the connection breaks, Redis refuses SUBSCRIBE — so nobody relies on it:
// who waits looks again when the lease is over, and at once when the connection breaks.

import type { RedisClient } from '@sallyport/core';
import { openSideConnection, type SideClient, type SideConnection } from './side-connection.js';

/** How long to wait for the connection before waiting without it. */
const OPEN_MS = 500;
/** Pause between two looks for those who can't be called. */
const BLIND_MS = 50;

/** A wait that was announced. */
export interface Ticket {
  /**
   * Resolves when called, when the connection breaks, or after `ms`; to what the caller had to say, if anything.
   * Without a connection one is made first, and the wait ends with it: a call may have been missed.
   */
  wait(ms: number): Promise<string | undefined>;
  /** Must be called when there is nothing to wait for. */
  cancel(): void;
}

export interface WakeCalls {
  /** Announces a wait for `id`. To be done before asking whether there is anything to wait for, or a call is missed. */
  expect(channel: string, id: string): Ticket;
}

const callsByClient = new WeakMap<RedisClient, WakeCalls>();

/** Gives the calls that all caches on one client share. */
export function wakeCallsOf(redis: RedisClient): WakeCalls {
  const calls = callsByClient.get(redis) ?? createWakeCalls(redis);
  callsByClient.set(redis, calls);
  return calls;
}

type Wake = (text: string | undefined) => void;

function createWakeCalls(redis: RedisClient): WakeCalls {
  const sleepers = new Map<string, Set<Wake>>();
  const live = new Set<string>();
  const wanted = new Set<string>();
  let connection: SideConnection | undefined;
  let client: SideClient | undefined;
  let onChange: (() => void)[] = [];

  function change(): void {
    const waiting = onChange;
    onChange = [];
    for (const tell of waiting) tell();
  }

  async function subscribe(to: SideClient, channel: string): Promise<void> {
    try {
      await to.call('subscribe', channel);
      if (client === to) live.add(channel);
    } catch {
      // Refused by the server's ACL, or the connection is gone: those who wait look by themselves.
    }
    change();
  }

  function open(): SideConnection {
    return openSideConnection(redis, {
      onUp(made) {
        client = made;
        made.on('message', (_channel, message) => {
          const [id = '', text] = String(message).split(/ (.*)/s);
          for (const wake of sleepers.get(id) ?? []) wake(text === '' ? undefined : text);
        });
        for (const channel of wanted) void subscribe(made, channel);
      },
      onDown() {
        client = undefined;
        live.clear();
        for (const set of sleepers.values()) for (const wake of set) wake(undefined);
        change();
      },
    });
  }

  /** Resolves when the channel is live, or it is clear that it won't be now. */
  function reach(channel: string): Promise<void> {
    const isNew = !wanted.has(channel);
    wanted.add(channel);
    connection ??= open();
    if (client !== undefined && isNew) void subscribe(client, channel);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, OPEN_MS);
      onChange.push(() => (clearTimeout(timer), resolve()));
    });
  }

  return {
    expect(channel, id) {
      const wasLive = live.has(channel);
      let called: { readonly text: string | undefined } | undefined;
      let wakeUp: Wake = (text) => (called = { text });
      const wake: Wake = (text) => wakeUp(text);
      const set = sleepers.get(id) ?? new Set();
      sleepers.set(id, set.add(wake));
      function cancel(): void {
        set.delete(wake);
        if (set.size === 0 && sleepers.get(id) === set) sleepers.delete(id);
      }
      return {
        cancel,
        async wait(ms) {
          try {
            if (called !== undefined) return called.text;
            if (!wasLive && !live.has(channel) && !wanted.has(channel)) {
              await reach(channel);
              return undefined;
            }
            const isBlind = !wasLive;
            return await new Promise<string | undefined>((resolve) => {
              const timer = setTimeout(resolve, isBlind ? Math.min(ms, BLIND_MS) : ms, undefined);
              wakeUp = (text) => (clearTimeout(timer), resolve(text));
            });
          } finally {
            cancel();
          }
        },
      };
    },
  };
}
