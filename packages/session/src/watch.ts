// Tells when a session ends while something longer than a request depends on it: a WebSocket, a stream of events. Ends by
// log-out, revocation and eviction are told by pub/sub at once; those that nobody announces (a limit is over) and messages
// that got lost are found by asking. It never extends a session.

import { StoreUnavailableError, type RedisClient } from '@sallyport/core';
import { SessionGoneError } from './errors.js';
import type { SessionAddress } from './session-id.js';
import type { SessionRepository } from './session-repository.js';
import { openWatchConnection, type WatchConnection } from './watch-connection.js';

/** What `sessions.watch()` gives. */
export interface SessionWatch {
  /** Aborted when the session has ended, with a SessionGoneError as its reason. */
  readonly signal: AbortSignal;
  /** Stops watching. */
  close(): void;
}

interface Watched {
  readonly address: SessionAddress;
  readonly controllers: Set<AbortController>;
  timer: NodeJS.Timeout | undefined;
}

export interface WatcherParts {
  readonly redis: RedisClient;
  readonly repository: SessionRepository;
  /** How often is asked, at least. */
  readonly everyMs: number;
  /** Told of each session that ended while it was watched. */
  readonly onEnd: (deviceId: string) => void;
}

export interface Watcher {
  watch(address: SessionAddress): SessionWatch;
  close(): void;
}

/** Watches any number of sessions by one connection, which is open only while there are some. */
export function createWatcher({ redis, repository, everyMs, onEnd }: WatcherParts): Watcher {
  const watched = new Map<string, Watched>();
  let connection: WatchConnection | undefined;

  function end(deviceId: string): void {
    const entry = watched.get(deviceId);
    if (entry === undefined) return;
    forget(deviceId, entry);
    onEnd(deviceId);
    for (const controller of entry.controllers) controller.abort(new SessionGoneError());
  }

  /** The last one turns off the light. */
  function forget(deviceId: string, entry: Watched): void {
    clearTimeout(entry.timer);
    watched.delete(deviceId);
    if (watched.size > 0) return;
    connection?.close();
    connection = undefined;
  }

  async function ask(deviceId: string, entry: Watched): Promise<void> {
    clearTimeout(entry.timer);
    let waitMs = everyMs;
    try {
      const leftMs = await repository.probe(entry.address);
      if (leftMs <= 0 && watched.get(deviceId) === entry) return end(deviceId);
      waitMs = Math.min(everyMs, leftMs + 5);
    } catch (error) {
      // Whether it lives is not known: a sick Redis closes no sockets.
      if (!(error instanceof StoreUnavailableError)) throw error;
    }
    // Somebody may have stopped watching, or asked again, while the answer was on its way.
    if (watched.get(deviceId) !== entry) return;
    clearTimeout(entry.timer);
    entry.timer = setTimeout(() => void ask(deviceId, entry), waitMs).unref();
  }

  function askAll(): void {
    for (const [deviceId, entry] of watched) void ask(deviceId, entry);
  }

  function watch(address: SessionAddress): SessionWatch {
    const { deviceId } = address;
    const controller = new AbortController();
    let entry = watched.get(deviceId);
    if (entry === undefined) {
      entry = { address, controllers: new Set(), timer: undefined };
      watched.set(deviceId, entry);
      connection ??= openWatchConnection(
        redis,
        repository.channel,
        // `*` is for the sessions of before: one that began in the meantime lives, so each is asked.
        (message) => (message === '*' ? askAll() : end(message)),
        askAll,
      );
    }
    entry.controllers.add(controller);
    // It may have ended before anybody listened.
    void ask(deviceId, entry);
    const joined = entry;
    return {
      signal: controller.signal,
      close() {
        joined.controllers.delete(controller);
        if (joined.controllers.size === 0 && watched.get(deviceId) === joined) forget(deviceId, joined);
      },
    };
  }

  return {
    watch,
    close() {
      for (const [deviceId, entry] of watched) forget(deviceId, entry);
    },
  };
}
