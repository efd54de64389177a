// The store that express-session talks to. It is connect-redis' RedisStore with the request path replaced: connect-redis
// writes whole sessions (lost updates), brings ended ones back, keeps raw ids, rounds limits to seconds and calls a
// callback twice when it throws. What it does for administration (`ids`, `length`) is inherited and runs on our adapter.

import { clearPrefix, StoreUnavailableError, type EventSink, type RedisClient } from '@sallyport/core';
import { RedisStore } from 'connect-redis';
import type { Request } from 'express';
import type { Session, SessionData } from 'express-session';
import { SessionDataError, SessionGoneError } from './errors.js';
import type { CookieVariant } from './cookie.js';
import type { SessionEvent } from './events.js';
import { addressOf } from './session-id.js';
import { compareFields, decodeRecord, encodeFields, type SessionRecord } from './session-record.js';
import type { SessionRepository } from './session-repository.js';
import { adopt, stateOf, type RequestState } from './session-state.js';
import { createStoreClient } from './store-client.js';
import { originOf } from './session-origin.js';
import { findOversize } from './session-size.js';

type Callback<T> = (error: unknown, result?: T) => unknown;

export interface StoreOptions {
  readonly redis: RedisClient;
  readonly prefix: string;
  readonly repository: SessionRepository;
  readonly events: EventSink<SessionEvent>;
  readonly cookie: CookieVariant;
  /** Whether the browser keeps the cookie until the session's absolute end. */
  readonly isPersistent: boolean;
  readonly absoluteMs: number;
  readonly maxBytes: number;
  readonly requestState: (req: object) => RequestState | undefined;
}

/** A store of express-session on connect-redis; each method takes a callback, gives a promise, or both. */
export class SallyportStore extends RedisStore {
  readonly #options: StoreOptions;
  /** Records on their way from `get` to `createSession`: express-session hands the object on. */
  readonly #records = new WeakMap<object, SessionRecord>();

  constructor(options: StoreOptions) {
    super({ client: createStoreClient(options.redis, options.prefix), prefix: options.prefix });
    this.#options = options;
  }

  /** Reads a session and extends its idle time. Resolves to `null` for an unknown, ended or unreadable one. */
  override get(sessionId: string, callback?: Callback<SessionData | null>): Promise<SessionData | null> {
    return settle(this.#read(sessionId), callback);
  }

  /** Writes what changed since the session was read; nothing when nothing did. Rejects when it was ended meanwhile. */
  override set(sessionId: string, session: SessionData, callback?: Callback<void>): Promise<void> {
    const pending = this.#write(sessionId, session);
    // express-session saves a second time after a change of id. Without anything to do, its last byte need not wait.
    if (pending === undefined) callback?.(null);
    return pending === undefined ? Promise.resolve() : settle(pending, callback);
  }

  /** Does nothing: `get` has extended the idle time already, in the same step in which it read. */
  override touch(_sessionId: string, _session: SessionData, callback?: Callback<void>): Promise<void> {
    callback?.(null);
    return Promise.resolve();
  }

  override destroy(sessionId: string, callback?: Callback<void>): Promise<void> {
    const address = addressOf(sessionId);
    const pending = address === undefined ? undefined : this.#options.repository.end(address, undefined, 'destroy');
    return settle(
      Promise.resolve(pending).then(() => undefined),
      callback,
    );
  }

  /** Marks that the request's cookie names a dead session, and goes on as express-session does. */
  override regenerate(req: Request, callback: (error?: unknown) => unknown): void {
    super.regenerate(req, (error: unknown) => {
      const request = this.#options.requestState(req);
      if (!error && request !== undefined) request.hasEnded = true;
      callback(error);
    });
  }

  override createSession(req: Request, data: SessionData): Session & SessionData {
    const record = this.#records.get(data);
    const session = super.createSession(req, data);
    const { userId, fields: stored = new Map() } = record ?? {};
    adopt(session, {
      request: this.#options.requestState(req),
      userId,
      isNew: record === undefined,
      stored,
      ...(record === undefined ? {} : originOf(record, this.#options.absoluteMs)),
    });
    return session;
  }

  /** Removes every key under the prefix, indexes included. For administration. */
  override clear(callback?: Callback<void>): Promise<void> {
    const { redis, prefix } = this.#options;
    return settle(
      clearPrefix(redis, prefix).then(() => undefined),
      callback,
    );
  }

  /** Every session with its data. For administration: reads them all. */
  override all(callback?: Callback<SessionData[]>): Promise<SessionData[]> {
    return settle(this.#readAll(), callback);
  }

  async #read(sessionId: string): Promise<SessionData | null> {
    const address = addressOf(sessionId);
    if (address === undefined) return null;
    const { repository, events, cookie, isPersistent } = this.#options;
    const record = await repository.read(address);
    if (typeof record === 'string') {
      events.emit({ type: record === 'missing' ? 'unknown' : record, deviceId: address.deviceId });
      return null;
    }
    // `originalMaxAge` is what express-session sets the expiry to on each touch: never past the absolute end.
    const maxAge = isPersistent ? record.leftMs : null;
    const data = Object.assign(record.data, { cookie: { ...cookie.attributes, maxAge, originalMaxAge: maxAge } });
    this.#records.set(data, record);
    return data as unknown as SessionData;
  }

  async #readAll(): Promise<SessionData[]> {
    const { redis, prefix } = this.#options;
    const sessions: SessionData[] = [];
    for (const id of (await this.ids()) as string[]) {
      // HKEYS and HMGET have the same shape under every protocol and reply mapping of ioredis; HGETALL has not.
      const names = (await redis.call('hkeys', prefix + id)) as string[];
      const values = names.length === 0 ? [] : ((await redis.call('hmget', prefix + id, ...names)) as string[]);
      const flat = names.flatMap((name, index) => [name, values[index] ?? 'null']);
      const record = decodeRecord(0, flat);
      if (record !== undefined) sessions.push(Object.assign(record.data, { id }) as unknown as SessionData);
    }
    return sessions;
  }

  #write(sessionId: string, session: SessionData): Promise<void> | undefined {
    const address = addressOf(sessionId);
    if (address === undefined) return Promise.reject(new SessionDataError('id', sessionId));
    const { repository, events } = this.#options;
    const state = stateOf(session);
    if (state?.request?.cookie.isSendable === false && state.isNew) return undefined;
    const fields = encodeFields(session);
    const changes = compareFields(state?.stored ?? new Map(), fields);
    if (changes === undefined) return undefined;
    const tooLarge = findOversize(fields, this.#options.maxBytes);
    if (tooLarge !== undefined) return Promise.reject(tooLarge);
    if (state?.request?.isStoreDown === true) {
      const detail = 'the session could not be read';
      return Promise.reject(new StoreUnavailableError('session', 'disconnected', detail));
    }
    const isNew = state?.isNew ?? true;
    return repository.commit(address, changes, isNew).then((isWritten) => {
      if (!isWritten) {
        events.emit({ type: 'gone', deviceId: address.deviceId });
        throw new SessionGoneError();
      }
      if (isNew) events.emit({ type: 'created', deviceId: address.deviceId });
      if (state !== undefined) Object.assign(state, { isNew: false, stored: fields });
    });
  }
}

/** Serves both ways of asking. With a callback the promise reports no error, and a callback that throws is not called again. */
async function settle<T>(pending: Promise<T>, callback: Callback<T> | undefined): Promise<T> {
  if (callback === undefined) return pending;
  let result: T;
  try {
    result = await pending;
  } catch (error) {
    callback(error);
    return undefined as T;
  }
  callback(null, result);
  return result;
}
