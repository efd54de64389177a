// A repository whose values are sealed on their way to Redis and opened on their way back. Ids, times, user, label and
// networks stay readable: the scripts decide by them.

import { buildKey } from '@sallyport/core';
import { isSealed, type CipherFault, type FieldCipher } from './field-cipher.js';
import { parseJson } from './safe-json.js';
import type { SessionAddress } from './session-id.js';
import type { StoredFields } from './session-record.js';
import type { SessionRepository } from './session-repository.js';

/** Puts `cipher` between the package and its repository. Without one, sealed sessions are told apart all the same. */
export function encryptRepository(
  inner: SessionRepository,
  prefix: string,
  cipher: FieldCipher | undefined,
): SessionRepository {
  const placeOf = ({ bucket, deviceId }: SessionAddress) => buildKey(prefix, bucket, deviceId);

  /** Name and JSON by turns, sealed. */
  function seal(address: SessionAddress, flat: readonly string[]): string[] {
    if (cipher === undefined) return [...flat];
    const place = placeOf(address);
    return flat.map((item, at) => {
      const name = flat[at - 1] ?? '';
      // Our own fields have no dot: the scripts read them.
      return at % 2 === 1 && name.startsWith('.') ? cipher.seal(place, name, item) : item;
    });
  }

  /** Gives the stored properties in the clear; those that a previous key had sealed are sealed anew. */
  function open<Stored extends StoredFields>(address: SessionAddress, stored: Stored): Stored | CipherFault {
    if (cipher === undefined) return [...stored.fields.values()].some(isSealed) ? 'unreadable' : stored;
    const place = placeOf(address);
    const fields = new Map<string, string>();
    const data = Object.create(null) as Record<string, unknown>;
    const renewed: string[] = [];
    for (const [name, value] of stored.fields) {
      const opened = cipher.open(place, `.${name}`, value);
      if (typeof opened === 'string') return opened;
      try {
        data[name] = parseJson(opened.json);
      } catch {
        // JSON.parse throws SyntaxError and nothing else.
        return 'corrupt';
      }
      fields.set(name, opened.json);
      if (opened.isOutdated) renewed.push(`.${name}`, value, cipher.seal(place, `.${name}`, opened.json));
    }
    // Not waited for: what is not sealed anew now will be at the next read.
    if (renewed.length > 0) inner.reseal(address, renewed).catch(() => undefined);
    return { ...stored, fields, data };
  }

  return {
    ...inner,
    async read(id, how) {
      const result = await inner.read(id, how);
      if (typeof result === 'string') return result;
      const opened = open(id, result);
      // Somebody changed it: it can't be mended, so it must not fail for ever.
      if (opened === 'corrupt') await inner.end(id, undefined, 'read');
      return opened;
    },
    async update(address, expected, token, changes) {
      const set = seal(address, changes.set);
      const result = await inner.update(address, expected, token, { ...changes, set });
      if (typeof result === 'string') return result;
      const opened = open(address, result);
      return typeof opened === 'string' ? 'gone' : opened;
    },
    reveal(address, stored) {
      const opened = open(address, stored);
      return typeof opened === 'string' ? undefined : opened;
    },
    commit: (address, commit, budget) => {
      const changes = { ...commit.changes, set: seal(address, commit.changes.set) };
      return inner.commit(address, { ...commit, changes }, budget);
    },
    logIn: (login, budget) => inner.logIn({ ...login, kept: seal(login.address, login.kept) }, budget),
  };
}
