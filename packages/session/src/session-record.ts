// What a session is as a Redis hash, without I/O. One hash field per top-level property, so that a commit sends only what
// changed and two requests that write different properties both win.
//
//   c  created, ms      s  last seen, ms     e  absolute end, ms     m  idle limit of this session, ms, if it has its own
//   u  user id          a  device label      i  IP prefix            (u, a, i: once logged in)
//   r  renewal of the id: generation, time, 1 until first used, proof, previous proof       (once renewed)
//   v  the last 16 versions, 8 characters each                       (once update() was used)
//   n  last network     o  the one before    w  when it was left, ms   (once it was used from another network)
//   t  1 when it was taken over from connect-redis
//   .<name>             JSON of req.session.<name>: the dot keeps the names of users apart from ours

import { SessionDataError } from './errors.js';
import { parseJson } from './safe-json.js';

/** The JSON of each top-level property. */
export type SessionFields = ReadonlyMap<string, string>;

/** The properties of a session as they are stored. */
export interface StoredFields {
  readonly fields: SessionFields;
  /** The parsed properties; without a prototype, so that no stored name can reach one. */
  readonly data: Record<string, unknown>;
  /** The last version, or '' in a session that never used update(). */
  readonly version: string;
}

/** What a read finds out besides the fields. */
export interface ReadCircumstances {
  /** Milliseconds until the absolute end, by the clock of Redis. */
  readonly leftMs: number;
  /** How long ago the present id became the session's id. */
  readonly idAgeMs: number;
  /** Whether it was read by the id before the present one. */
  readonly isGrace: boolean;
}

/** A session as it was read. */
export interface SessionRecord extends StoredFields, ReadCircumstances {
  readonly userId: string | undefined;
  /** When it began; of a logged-in session, when the user logged in. */
  readonly createdMs: number;
  /** When it has to end, by the limit at its beginning. */
  readonly endMs: number;
  readonly label: string;
  readonly ipPrefix: string;
  /** The network that it was used from last. */
  readonly lastIpPrefix: string;
  /** The idle limit that was given to this session only. */
  readonly maxAgeMs: number | undefined;
  /** Whether it is not known when the user logged in: before it was taken over from connect-redis. */
  readonly isTakenOver: boolean;
  /** The hash of the present id's secret, as long as nobody has used that id. */
  readonly unusedProof: string | undefined;
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

/** Bytes of all names and values. */
export function sizeOf(fields: SessionFields): number {
  let bytes = 0;
  for (const [name, json] of fields) bytes += Buffer.byteLength(name) + Buffer.byteLength(json);
  return bytes;
}

/** Turns the fields of a hash, name and value by turns, into properties; `undefined` when a value is not JSON. */
export function decodeFields(flat: readonly string[]): (StoredFields & { own: Map<string, string> }) | undefined {
  const own = new Map<string, string>();
  const fields = new Map<string, string>();
  const data: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const name = flat[index] ?? '';
    const value = flat[index + 1] ?? '';
    if (!name.startsWith('.')) {
      own.set(name, value);
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
  return { fields, data, version: (own.get('v') ?? '').slice(0, 8), own };
}

/** Turns the fields of a hash into a record; `undefined` when a value is not JSON. */
export function decodeRecord(read: ReadCircumstances, flat: readonly string[]): SessionRecord | undefined {
  const decoded = decodeFields(flat);
  if (decoded === undefined) return undefined;
  const { own, ...stored } = decoded;
  const [, , unused, proof] = own.get('r')?.split(' ') ?? [];
  const maxAge = own.get('m');
  return {
    ...stored,
    ...read,
    userId: own.get('u'),
    createdMs: Number(own.get('c') ?? 0),
    endMs: Number(own.get('e') ?? 0),
    label: own.get('a') ?? '',
    ipPrefix: own.get('i') ?? '',
    lastIpPrefix: own.get('n') ?? own.get('i') ?? '',
    // What is no limit to the scripts is none here.
    maxAgeMs: maxAge !== undefined && /^[1-9]\d{0,14}$/.test(maxAge) ? Number(maxAge) : undefined,
    isTakenOver: own.has('t'),
    unusedProof: unused === '1' ? proof : undefined,
  };
}
