// The `headers` option: which forms of the rate limit fields a response carries.

import { boolean, checkOptions, integer, oneOf, optional, refuse, type Check } from '@sallyport/core';
import type { LegacyReset } from './legacy.js';
import { isFieldString } from './structured-fields.js';

const PACKAGE_NAME = 'rate-limit';

/** Which revision of draft-ietf-httpapi-ratelimit-headers is spoken; 8 is the form of 8 to 11. */
export type DraftRevision = 6 | 7 | 8;

/** Which fields a response carries about its client's limits. */
export interface HeaderOptions {
  /** `X-RateLimit-Limit`, `-Remaining`, `-Reset`, by the meaning of Reset; `false` for none. @default 'delta-seconds' */
  readonly legacy?: LegacyReset | false | undefined;
  /** `RateLimit` and `RateLimit-Policy` of that revision of the IETF draft. @default false */
  readonly draft?: DraftRevision | false | undefined;
  /** With `draft: 8`, the parameter `pk`: a digest of the client's key. @default false */
  readonly partitionKey?: boolean | undefined;
  /** `Retry-After` is up to so many seconds later than need be, at random, 0 to 86 400. @default 0 */
  readonly retryAfterJitterSeconds?: number | undefined;
  /** Names the fields in `Access-Control-Expose-Headers`, so that scripts of other origins can read them. @default false */
  readonly exposeHeaders?: boolean | undefined;
}

/** The checked options, complete. */
export type HeaderSettings = ReturnType<typeof resolveHeaderOptions>;

const legacyReset: Check<LegacyReset | false> = (value, site) =>
  value === false ? value : oneOf('delta-seconds', 'epoch-seconds', 'iso-8601')(value, site);

const draftRevision: Check<DraftRevision | false> = (value, site) =>
  value === false || value === 6 || value === 7 || value === 8 ? value : refuse(site, 'false, 6, 7 or 8', value);

/**
 * Checks the `headers` option and fills in the defaults.
 *
 * @param policyNames those that fields will carry; with `draft: 8` they must be printable ASCII
 * @throws {OptionError} naming the option and the value
 */
export function resolveHeaderOptions(raw: HeaderOptions | undefined, policyNames: readonly string[]) {
  // `checkOptions` would not show a text, which may be a secret elsewhere.
  if (raw !== undefined && (typeof raw !== 'object' || raw === null)) {
    refuse({ packageName: PACKAGE_NAME, option: 'headers' }, 'an object', raw);
  }
  const settings = checkOptions(
    PACKAGE_NAME,
    raw ?? {},
    {
      legacy: optional(legacyReset, 'delta-seconds' as const),
      draft: optional(draftRevision, false as const),
      partitionKey: optional(boolean, false),
      retryAfterJitterSeconds: optional(integer(0, 86_400), 0),
      exposeHeaders: optional(boolean, false),
    },
    'headers.',
  );
  const { draft, partitionKey } = settings;
  if (partitionKey && draft !== 8) {
    refuse({ packageName: PACKAGE_NAME, option: 'headers.partitionKey' }, 'left out without `draft: 8`', partitionKey);
  }
  if (draft === 8) {
    policyNames.forEach((name, index) =>
      checkFieldName(name, { packageName: PACKAGE_NAME, option: `policies[${index}].name` }),
    );
  }
  return settings;
}

/** A policy name that the fields of draft 8 can carry (RFC 9651 §3.3.3); also for policies that are made per request. */
export const checkFieldName: Check<string> = (value, site) =>
  typeof value === 'string' && isFieldString(value) ? value : refuse(site, 'printable ASCII', value);
