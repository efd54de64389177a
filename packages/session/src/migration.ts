// Takes over sessions of express-session on connect-redis, one by one, when their cookies are seen. The new session's id
// follows from the old one's, so parallel requests with the old cookie meet in one session. What stays says where it went
// and holds neither data nor the old id: an ended session cannot come back from it, nor can a reader of Redis follow it.
//
//   sess:<id> ──claimed by one request──► new session written ──► <prefix>{<hash of id>}:moved  bucket ──► sess:<id> removed

import { createHash, createHmac } from 'node:crypto';
import { buildKey, createStoreGuard, StoreUnavailableError, type EventSink } from '@sallyport/core';
import type { Request } from 'express';
import { deviceLabel } from './device-label.js';
import type { SessionEvent } from './events.js';
import { ipPrefix } from './ip-prefix.js';
import type { ResolvedMigration } from './migration-options.js';
import type { ResolvedOptions } from './options.js';
import { parseJson } from './safe-json.js';
import { claimLegacy } from './scripts/claim-legacy.js';
import { addressOf, bucketOfUser, createSessionId } from './session-id.js';
import { encodeFields } from './session-record.js';
import type { SessionRepository } from './session-repository.js';
import { checkUserId } from './user-id.js';
import type { RequestState } from './session-state.js';
import { readSignedCookie, signSessionId } from './signed-cookie.js';

const CLAIM_MS = 2_000;
/** How often a request looks again while another one moves its session. */
const LOOK_AGAIN_MS = 10;
/** Ids of express-session's `uid-safe`, and what applications make of `genid`. */
const LEGACY_ID = /^[\w.~:@-]{16,200}$/;

export interface MigrationParts {
  readonly options: ResolvedOptions;
  readonly migrateFrom: ResolvedMigration;
  readonly repository: SessionRepository;
  readonly events: EventSink<SessionEvent>;
}

/** Takes over the sessions of requests that come with an old cookie. */
export interface Migration {
  /**
   * Makes the session that the request's old cookie names one of ours, and its cookie one of ours in `state`. Gives
   * `undefined`, at once, when there is nothing to take over.
   *
   * @throws {StoreUnavailableError} when Redis does not answer, or another request does not finish taking it over
   */
  takeFor(req: Request, state: RequestState): Promise<void> | undefined;
}

export function createMigration({ options, migrateFrom, repository, events }: MigrationParts): Migration {
  const { redis, secrets, absoluteMs, deadlineMs } = options;
  const guard = createStoreGuard({ redis, packageName: 'session', deadlineMs });
  const [secret = ''] = secrets;
  const oldSecrets = migrateFrom.secrets ?? secrets;
  const keyOf = (legacyId: string) => migrateFrom.prefix + legacyId;
  const forwardKey = (legacyId: string) =>
    buildKey(options.prefix, createHash('sha256').update(legacyId).digest('base64url').slice(0, 22), 'moved');

  /** Every process has to find the same id: the oldest secret of the ring is the one that all of them know. */
  function idIn(bucket: string, legacyId: string): string {
    const own = createHmac('sha256', secrets.at(-1) ?? secret)
      .update(`take-over of ${legacyId}`)
      .digest('base64url');
    return bucket + own.slice(0, 32);
  }

  async function call<T>(operation: () => Promise<T>): Promise<T> {
    try {
      return await guard.run(operation);
    } catch (error) {
      if (error instanceof StoreUnavailableError) {
        events.emit({ type: 'store-failure', operation: 'take-over', reason: error.reason });
      }
      throw error;
    }
  }

  /** Writes the claimed session as one of ours; gives its id. */
  async function move(req: Request, legacyId: string, json: string): Promise<string | undefined> {
    const key = keyOf(legacyId);
    const data = readData(json);
    if (data === undefined) {
      await call(() => redis.call('unlink', key));
      return undefined;
    }
    const userId = toUserId(migrateFrom.userIdOf(data));
    const bucket = userId === undefined ? createSessionId().slice(0, 2) : bucketOfUser(userId);
    const sessionId = idIn(bucket, legacyId);
    const address = addressOf(sessionId);
    if (address === undefined) return undefined;
    // `userId` is the name of a property of ours; whose session it is stands elsewhere.
    const { userId: _userId, ...properties } = data;
    const set = [...encodeFields(properties)].flatMap(([name, value]) => [`.${name}`, value]);
    if (userId === undefined) {
      const changes = { set, removed: [] };
      await repository.commit(address, { changes, isNew: true, token: undefined, renewal: undefined });
    } else {
      const place = { label: deviceLabel(req.headers['user-agent']), ipPrefix: ipPrefix(req.ip) };
      const login = { address, userId, ...place, kept: ['t', '1', ...set], replaced: undefined, token: undefined };
      const { status } = await repository.logIn(login);
      // The user has too many sessions, and the policy is to refuse one more.
      if (status !== 'done') return undefined;
    }
    await call(() => redis.call('set', forwardKey(legacyId), bucket, 'PX', absoluteMs));
    // Last: whoever finds nothing under the old key must find the way already.
    await call(() => redis.call('unlink', key));
    events.emit({ type: 'taken-over', userId, deviceId: address.deviceId });
    return sessionId;
  }

  /** Where a session went that is not under its old key any more. */
  async function follow(legacyId: string): Promise<string | undefined> {
    const bucket = await call(() => redis.call('get', forwardKey(legacyId)));
    return typeof bucket === 'string' ? idIn(bucket, legacyId) : undefined;
  }

  async function take(req: Request, legacyId: string): Promise<string | undefined> {
    const giveUpAt = performance.now() + deadlineMs;
    for (;;) {
      const claim = await call(() => claimLegacy.run(redis, [keyOf(legacyId)], [CLAIM_MS]));
      if (claim.state === 'none') return follow(legacyId);
      if (claim.state === 'claimed') {
        // Whoever began may have come as far as the new session, which may have ended since: it must not begin again.
        const moved = claim.isSecond ? await follow(legacyId) : undefined;
        return moved ?? move(req, legacyId, claim.json);
      }
      if (performance.now() >= giveUpAt) {
        throw new StoreUnavailableError('session', 'deadline', 'another request is still taking the session over');
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }

  async function present(req: Request, state: RequestState, legacyId: string): Promise<void> {
    const sessionId = await take(req, legacyId);
    state.legacyCookieName = migrateFrom.cookieName;
    if (sessionId === undefined) return;
    const pair = `${state.cookie.variant.name}=${encodeURIComponent(signSessionId(sessionId, secret))}`;
    // Outdated: the browser does not have it yet.
    state.seenCookie = { verdict: 'valid', sessionId, pair, isOutdated: true };
  }

  return {
    takeFor(req, state) {
      const { sessionId } = state.seenCookie;
      // Of a cookie of ours the old one has nothing to add.
      if (sessionId !== undefined && addressOf(sessionId) !== undefined) return undefined;
      const legacyId = readSignedCookie(req.headers.cookie, migrateFrom.cookieName, oldSecrets).sessionId;
      // The names of keys are ours to choose: an id has no place in them that connect-redis would not have made.
      const isNone = legacyId === undefined || !LEGACY_ID.test(legacyId) || !state.cookie.isSendable;
      return isNone ? undefined : present(req, state, legacyId);
    },
  };
}

/**
 * What `userIdOf` gave, as a user id; `undefined` for an anonymous session.
 *
 * @throws {UserIdError} when it is something else: nobody is logged out without a word for a number too many
 */
function toUserId(found: unknown): string | undefined {
  if (found === undefined || found === null) return undefined;
  const userId = typeof found === 'number' ? String(found) : found;
  checkUserId(userId);
  return userId;
}

/** The properties of a session as connect-redis stores it; `undefined` for what is none, or is over. */
function readData(json: string): Record<string, unknown> | undefined {
  let data: unknown;
  try {
    data = parseJson(json);
  } catch {
    // JSON.parse throws SyntaxError and nothing else.
    return undefined;
  }
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return undefined;
  const { cookie, ...properties } = data as Record<string, unknown>;
  const expires = Reflect.get(Object(cookie) as object, 'expires');
  return typeof expires === 'string' && Date.parse(expires) < Date.now() ? undefined : properties;
}
