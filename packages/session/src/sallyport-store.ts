// connect-redis' store as express-session's store: what a request needs (`get`, `set`, `destroy`) is replaced: connect-redis
// writes whole sessions (lost updates), brings ended ones back, keeps raw ids, rounds limits to seconds and calls a
// callback twice when it throws. What it does for administration (`ids`, `length`) is inherited and runs on our adapter.

import { clearPrefix, StoreUnavailableError, type EventSink, type RedisClient } from '@sallyport/core';
import { RedisStore } from 'connect-redis';
import { randomBytes } from 'node:crypto';
import type { Request } from 'express';
import type { Session, SessionData } from 'express-session';
import { SessionDataError, SessionGoneError, SessionIdError, SessionUnreadableError } from './errors.js';
import type { CookieVariant } from './cookie.js';
import type { SessionEvent } from './events.js';
import { checkSize, pendingChanges, type PendingChanges } from './session-changes.js';
import { addressOf, type PresentedId } from './session-id.js';
import { decodeRecord, type SessionRecord } from './session-record.js';
import type { SessionRepository } from './session-repository.js';
import { adopt, stateOf, type RequestState } from './session-state.js';
import type { Snapshots } from './snapshots.js';
import { createStoreClient } from './store-client.js';

type Callback<T> = (error: unknown, result?: T) => unknown;

/** The request on whose behalf express-session calls `get`, which is not told. */
export interface Reader {
  readonly state: RequestState;
  /** Whether a session that cannot be read may be shown as it was. */
  readonly mayShowSnapshot: () => boolean;
}

export interface StoreOptions {
  readonly redis: RedisClient;
  readonly prefix: string;
  readonly repository: SessionRepository;
  readonly events: EventSink<SessionEvent>;
  readonly cookie: CookieVariant;
  /** Whether the browser keeps the cookie until the session's absolute end. */
  readonly isPersistent: boolean;
  readonly maxBytes: number;
  /** Whether ids come from the application, which may give one twice. */
  readonly hasCustomIds: boolean;
  readonly snapshots: Snapshots | undefined;
  readonly requestState: (req: object) => RequestState | undefined;
}

/** A store of express-session on connect-redis; each method takes a callback, gives a promise, or both. */
export class SallyportStore extends RedisStore {
  readonly #options: StoreOptions;
  /** Records on their way from `get` to `createSession`: express-session hands the object on. */
  readonly #records = new WeakMap<object, SessionRecord>();
  #reader: Reader | undefined;

  constructor(options: StoreOptions) {
    super({ client: createStoreClient(options.redis, options.prefix), prefix: options.prefix });
    this.#options = options;
  }

  /** Runs `act`, in which a call of `get` is on behalf of `reader`. */
  readFor(reader: Reader, act: () => void): void {
    this.#reader = reader;
    try {
      act();
    } finally {
      this.#reader = undefined;
    }
  }

  /** Reads a session and extends its idle time. Resolves to `null` for an unknown, ended or unreadable one. */
  override get(sessionId: string, callback?: Callback<SessionData | null>): Promise<SessionData | null> {
    return settle(this.#read(sessionId, this.#reader), callback);
  }

  /** Gives the request its session anew, by whichever id it ever had. Rejects when it has ended. */
  async reload(req: Request): Promise<void> {
    const id = addressOf(req.session.id);
    const record = id === undefined ? 'missing' : await this.#options.repository.read(id, 'reload');
    if (record === 'unreadable') throw new SessionUnreadableError();
    if (typeof record === 'string') throw new SessionGoneError();
    this.createSession(req, this.#dataOf(record));
  }

  /** Writes what changed since the session was read; nothing when nothing did. Rejects when it was ended meanwhile. */
  override set(sessionId: string, session: SessionData, callback?: Callback<void>): Promise<void> {
    let pending: Promise<void> | undefined;
    try {
      pending = this.#write(sessionId, session as Session & SessionData);
    } catch (error) {
      pending = Promise.reject(error);
    }
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
    return settle(this.#destroy(sessionId, undefined), callback);
  }

  /** Ends the request's session, and gives it a new one where asked to. */
  async destroyFor(req: Request, session: Session, isFollowed: boolean): Promise<void> {
    const state = stateOf(session);
    // The session that the cookie names is not known: nobody can say that it has ended.
    if (state?.request?.isStoreDown === true) throw unreadable();
    if (state?.isNew === false) await this.#destroy(session.id, state.userId, state.request);
    if (state?.request !== undefined) state.request.hasEnded = true;
    if (isFollowed) (this as unknown as { generate: (req: Request) => void }).generate(req);
  }

  override createSession(req: Request, data: SessionData): Session & SessionData {
    const record = this.#records.get(data);
    const session = super.createSession(req, data);
    const { userId, fields: stored = new Map(), version = '', maxAgeMs } = record ?? {};
    const known = { userId, isNew: record === undefined, stored, version, maxAgeMs, record };
    adopt(session, { request: this.#options.requestState(req), ...known });
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

  async #read(sessionId: string, reader: Reader | undefined): Promise<SessionData | null> {
    const id = addressOf(sessionId);
    if (id === undefined) return null;
    const { repository, events, snapshots } = this.#options;
    let record;
    try {
      record = await repository.read(id, reader?.state.isTouching === false ? 'look' : 'touch');
    } catch (error) {
      const snapshot = reader?.mayShowSnapshot() === true ? snapshots?.find(id) : undefined;
      if (reader === undefined || snapshot === undefined || !(error instanceof StoreUnavailableError)) throw error;
      reader.state.isStoreDown = true;
      return this.#dataOf(snapshot);
    }
    if (typeof record === 'string') {
      snapshots?.forget(id.deviceId);
      events.emit(refusalOf(record, id, repository.onReplay === 'end'));
      // It is there: its cookie must not be cleared.
      if (record === 'unreadable') throw new SessionUnreadableError();
      return null;
    }
    snapshots?.keep(id, record);
    return this.#dataOf(record);
  }

  /** A record as express-session wants it. */
  #dataOf(record: SessionRecord): SessionData {
    const { cookie, isPersistent } = this.#options;
    // `originalMaxAge` is what express-session sets the expiry to on each touch: never past the absolute end.
    const ownMs = record.maxAgeMs === undefined ? undefined : Math.min(record.maxAgeMs, record.leftMs);
    const maxAge = ownMs ?? (isPersistent ? record.leftMs : null);
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
      const [, bucket = '', deviceId = ''] = /^\{(.*)\}:(.*)$/.exec(id) ?? [];
      const stored = decodeRecord({ leftMs: 0, idAgeMs: 0, isGrace: false }, flat);
      const record = stored && this.#options.repository.reveal({ bucket, deviceId }, stored);
      if (record !== undefined) sessions.push(Object.assign(record.data, { id }) as unknown as SessionData);
    }
    return sessions;
  }

  #write(sessionId: string, session: Session & SessionData): Promise<void> | undefined {
    const address = addressOf(sessionId);
    if (address === undefined) throw new SessionDataError('id', undefined);
    const state = stateOf(session);
    const request = state?.request;
    const isNew = state?.isNew ?? true;
    if (request?.cookie.isSendable === false && isNew) return undefined;
    const pending = pendingChanges(session);
    if (pending.changes === undefined && request?.renewal === undefined && request?.isForced !== true) return undefined;
    if (request?.isStoreDown === true) {
      throw unreadable();
    }
    checkSize(pending.fields, session, this.#options.maxBytes);
    return this.#commit(address, session, isNew, pending);
  }

  async #commit(address: PresentedId, session: Session, isNew: boolean, pending: PendingChanges): Promise<void> {
    const { repository, events, hasCustomIds, snapshots } = this.#options;
    const state = stateOf(session);
    const { deviceId } = address;
    const changes = pending.changes ?? { set: [], removed: [] };
    const token = isNew && hasCustomIds ? randomBytes(4).toString('hex') : undefined;
    const renewal = state?.request?.renewal;
    const result = await repository.commit(address, { changes, isNew, token, renewal }, state?.request);
    if (result === 'taken') throw new SessionIdError('an id that another session has');
    if (result === 'gone') {
      events.emit({ type: 'gone', deviceId });
      throw new SessionGoneError();
    }
    if (isNew) events.emit({ type: 'created', deviceId });
    if (state === undefined) return;
    // A limit of its own is told to the browser, too.
    const hasNewLimit = !isNew && state.maxAgeMs !== pending.maxAgeMs && state.record?.isGrace !== true;
    if (hasNewLimit && state.request) state.request.issuedId = session.id;
    if (result !== 'written' && renewal !== undefined && state.request !== undefined) {
      state.request.issuedId = renewal.sessionId;
      if (result === 'renewed') events.emit({ type: 'renewed', userId: state.userId, deviceId });
    }
    snapshots?.amend(deviceId, pending.fields);
    // What others wrote meanwhile is not known: the next update() has to look.
    Object.assign(state, { isNew: false, stored: pending.fields, maxAgeMs: pending.maxAgeMs, version: '' });
  }

  async #destroy(sessionId: string, userId: string | undefined, request?: RequestState): Promise<void> {
    const { repository, events, snapshots } = this.#options;
    const address = addressOf(sessionId);
    if (address === undefined) return;
    const { deviceId } = address;
    snapshots?.forget(deviceId);
    if (await repository.end(address, userId, 'destroy', request)) events.emit({ type: 'destroyed', userId, deviceId });
  }
}

function unreadable(): StoreUnavailableError {
  return new StoreUnavailableError('session', 'disconnected', 'the session could not be read');
}

/** Tells why a cookie was not accepted. */
function refusalOf(
  why: Exclude<Awaited<ReturnType<SessionRepository['read']>>, SessionRecord>,
  { deviceId }: PresentedId,
  hasEnded: boolean,
): SessionEvent {
  if (why === 'replay') return { type: 'replay', deviceId, hasEnded };
  if (why === 'missing' || why === 'unissued') return { type: 'unknown', deviceId };
  return { type: why === 'revoked' ? 'outdated' : why, deviceId };
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
