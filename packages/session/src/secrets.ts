// Secrets that sign the cookie. A short one can be found by trying offline, from one cookie: then anybody can make ids,
// though not ids that exist. Refused in production; elsewhere a warning, so that a first try needs no ceremony.

import { kindOf, OptionError, refuse, type Check } from '@sallyport/core';

const MIN_BYTES = 32;
const MIN_DISTINCT_CHARACTERS = 8;

/** One secret or more: the first signs, all are accepted. Never shown in messages. */
export const secrets: Check<readonly string[]> = (value, site) => {
  if (!Array.isArray(value) || value.length === 0) {
    refuse(site, 'an array of one or more strings', value, kindOf(value));
  }
  const list: string[] = [];
  for (const [index, secret] of (value as unknown[]).entries()) {
    if (typeof secret !== 'string' || secret === '') {
      const received = secret === '' ? 'an empty one' : kindOf(secret);
      refuse({ ...site, option: `${site.option}[${index}]` }, 'a string that is not empty', secret, received);
    }
    list.push(secret);
  }
  const weakness = findWeakness(list);
  if (weakness !== undefined) {
    const error = new OptionError(site.packageName, site.option, weakness.expected, weakness.received);
    if (process.env['NODE_ENV'] === 'production') throw error;
    process.emitWarning(`${error.message}. With NODE_ENV=production this throws.`, 'SallyportWarning');
  }
  return list;
};

function findWeakness(list: readonly string[]): { expected: string; received: string } | undefined {
  for (const [index, secret] of list.entries()) {
    const expected = `strings of at least ${MIN_BYTES} random bytes (openssl rand -base64 32)`;
    const bytes = Buffer.byteLength(secret);
    if (bytes < MIN_BYTES) return { expected, received: `${bytes} bytes at [${index}]` };
    const distinct = new Set(secret).size;
    if (distinct < MIN_DISTINCT_CHARACTERS)
      return { expected, received: `${distinct} distinct characters at [${index}]` };
  }
  if (new Set(list).size < list.length) return { expected: 'different strings', received: 'the same string twice' };
  return undefined;
}
