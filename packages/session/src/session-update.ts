// `req.session.update()`: change a session by what it holds now, and by nothing else. Read, compute and write again until
// nobody else wrote in between; the updates of one process wait for each other instead of colliding.

import { randomBytes } from 'node:crypto';
import type { EventSink } from '@sallyport/core';
import type { Session } from 'express-session';
import { SessionConflictError, SessionGoneError, SessionMissingError } from './errors.js';
import type { SessionEvent } from './events.js';
import { checkSize } from './session-changes.js';
import { addressOf } from './session-id.js';
import { compareFields, decodeFields, encodeFields, type SessionFields } from './session-record.js';
import type { SessionRepository } from './session-repository.js';
import { stateOf } from './session-state.js';
import type { Snapshots } from './snapshots.js';

const MAX_ATTEMPTS = 100;
const LONGEST_PAUSE_MS = 20;

export interface UpdateParts {
  readonly repository: SessionRepository;
  readonly events: EventSink<SessionEvent>;
  readonly maxBytes: number;
  readonly snapshots: Snapshots | undefined;
}

/** Changes the draft of a session's properties that it is given; what it returns is waited for and not used. */
export type SessionChange = (draft: Record<string, unknown>) => unknown;

/** Updates one session at a time; those of one session, in turn. */
export function createUpdater({ repository, events, maxBytes, snapshots }: UpdateParts) {
  const queues = new Map<string, Promise<void>>();

  /** A failed update must not keep the next one from its turn. */
  async function inTurn(deviceId: string, act: () => Promise<void>): Promise<void> {
    const before = queues.get(deviceId);
    const turn = before === undefined ? act() : before.then(act, act);
    queues.set(deviceId, turn);
    try {
      await turn;
    } finally {
      if (queues.get(deviceId) === turn) queues.delete(deviceId);
    }
  }

  async function attempt(session: Session, change: SessionChange): Promise<void> {
    const address = addressOf(session.id);
    const state = stateOf(session);
    if (address === undefined || state === undefined) throw new SessionMissingError();
    let { stored, version } = state;
    for (let attempts = 1; attempts <= MAX_ATTEMPTS; attempts += 1) {
      const draft = parse(stored);
      await change(draft);
      const fields = encodeFields(draft);
      checkSize(fields, session, maxBytes);
      const changes = compareFields(stored, fields) ?? { set: [], removed: [] };
      // The version that this attempt makes, known beforehand: a command that is sent twice recognises itself by it.
      const token = randomBytes(4).toString('hex');
      const result = await repository.update(address, version, token, changes);
      if (result === 'gone') {
        events.emit({ type: 'gone', deviceId: address.deviceId });
        throw new SessionGoneError();
      }
      if (result === 'done') {
        adoptFields(session, state.stored, fields);
        Object.assign(state, { stored: fields, version: token });
        snapshots?.amend(address.deviceId, fields);
        return;
      }
      ({ fields: stored, version } = result);
      // The first look costs nothing; after that others are at it, and somebody has to give way.
      if (attempts > 1) await pause(Math.random() * Math.min(LONGEST_PAUSE_MS, attempts));
    }
    throw new SessionConflictError(MAX_ATTEMPTS);
  }

  return async function update(session: Session, change: SessionChange): Promise<void> {
    const state = stateOf(session);
    const address = addressOf(session.id);
    if (state === undefined || address === undefined) throw new SessionMissingError();
    // Nobody else knows a session that does not exist yet: what it holds is what this request put there.
    if (state.isNew) {
      await change(session as unknown as Record<string, unknown>);
      return;
    }
    return inTurn(address.deviceId, () => attempt(session, change));
  };
}

/** Shows on the session object what is stored now; properties that the handler has changed and not saved stay. */
function adoptFields(session: Session, before: SessionFields, after: SessionFields): void {
  const local = encodeFields(session);
  const data = parse(after);
  for (const [name] of new Map([...before, ...after])) {
    const isUntouched = local.get(name) === before.get(name);
    // What the update itself changed is newer than what the handler had.
    if (!isUntouched && before.get(name) === after.get(name)) continue;
    // A name that express-session's methods or a prototype have is never set, as when a session is read.
    if (!Object.hasOwn(session, name) && name in session) continue;
    if (after.has(name)) Reflect.set(session, name, data[name]);
    else Reflect.deleteProperty(session, name);
  }
}

function parse(fields: SessionFields): Record<string, unknown> {
  return decodeFields([...fields].flatMap(([name, json]) => [`.${name}`, json]))?.data ?? {};
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
