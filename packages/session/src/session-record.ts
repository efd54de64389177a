// What a session is as a Redis hash, without I/O. One hash field per top-level property, so that a commit sends only what
// changed and two requests that write different properties both win.
//
//   c  created, ms      s  last seen, ms     e  absolute end, ms
//   u  user id          a  device label      i  IP prefix              (u, a, i: once logged in)
//   n  last network     o  the one before    w  when it was left, ms   (once it was used from another network)
//   .<name>             JSON of req.session.<name>: the dot keeps the names of users apart from ours

import { SessionDataError } from './errors.js';
import { parseJson } from './safe-json.js';

/** The JSON of each top-level property. */
export type SessionFields = ReadonlyMap<string, string>;

/** A session as it was read. */
export interface SessionRecord {
  readonly userId: string | undefined;
  /** The fields that are ours, by their letters. */
  readonly own: Readonly<Record<string, string>>;
  /** Milliseconds until the absolute end, by the clock of Redis. */
  readonly leftMs: number;
  readonly fields: SessionFields;
  /** The parsed properties; without a prototype, so that no stored name can reach one. */
  readonly data: Record<string, unknown>;
}

/** What a commit has to change. */
export interface FieldChanges {
  /** Name and JSON, by turns. */
  readonly set: string[];
  readonly removed: string[];
}

/**
 * Gives the JSON of each property of a session; properties that JSON leaves out (functions, `undefined`) don't count.
 *
 * @throws {SessionDataError} when a property has no JSON form (a BigInt, a cycle)
 */
export function encodeFields(session: object): Map<string, string> {
  const fields = new Map<string, string>();
  for (const [name, value] of Object.entries(session)) {
    if (name === 'cookie') continue;
    let json: string | undefined;
    try {
      json = JSON.stringify(value);
    } catch (error) {
      throw new SessionDataError(name, error);
    }
    if (json !== undefined) fields.set(name, json);
  }
  return fields;
}

/** What turns `stored` into `current`; `undefined` when they are equal. */
export function compareFields(stored: SessionFields, current: SessionFields): FieldChanges | undefined {
  const set: string[] = [];
  for (const [name, json] of current) if (stored.get(name) !== json) set.push(`.${name}`, json);
  const removed = [...stored].filter(([name]) => !current.has(name)).map(([name]) => `.${name}`);
  return set.length === 0 && removed.length === 0 ? undefined : { set, removed };
}

/** Turns the fields of a hash, name and value by turns, into a record; `undefined` when a value is not JSON. */
export function decodeRecord(leftMs: number, flat: readonly string[]): SessionRecord | undefined {
  const fields = new Map<string, string>();
  const data: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  const own: Record<string, string> = {};
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const name = flat[index] ?? '';
    const value = flat[index + 1] ?? '';
    if (!name.startsWith('.')) {
      if (name.length === 1) own[name] = value;
      continue;
    }
    try {
      data[name.slice(1)] = parseJson(value);
    } catch {
      // JSON.parse throws SyntaxError and nothing else.
      return undefined;
    }
    fields.set(name.slice(1), value);
  }
  return { userId: own['u'], own, leftMs, fields, data };
}
