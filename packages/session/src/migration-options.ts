import { callback, checkOptions, kindOf, optional, refuse, text, type Check } from '@sallyport/core';

/** Where sessions of express-session with connect-redis are, which are taken over when they are seen. */
export interface MigrationOptions {
  /** The `prefix` of connect-redis. @default 'sess:' */
  readonly prefix?: string;
  /** The `name` of express-session. @default 'connect.sid' */
  readonly cookieName?: string;
  /** The `secret`s of express-session. @default those of this package */
  readonly secrets?: readonly string[];
  /** Gives the user of a stored session; `undefined` for an anonymous one. @default the property `userId` */
  readonly userIdOf?: (data: Readonly<Record<string, unknown>>) => string | number | null | undefined;
}

export type ResolvedMigration = Omit<Required<MigrationOptions>, 'secrets'> & Pick<MigrationOptions, 'secrets'>;

/** Old secrets are what they are: a weak one that has been in use is no reason to log everybody out. */
const oldSecrets: Check<readonly string[]> = (value, site) => {
  const isRight = Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string' && each);
  return isRight ? (value as string[]) : refuse(site, 'an array of strings that are not empty', value, kindOf(value));
};

const userIdProperty = ({ userId }: Readonly<Record<string, unknown>>): string | undefined =>
  typeof userId === 'string' || typeof userId === 'number' ? String(userId) : undefined;

/** Fits `checkOptions` as the check of a `migrateFrom` option. */
export const migrationOptions: Check<ResolvedMigration> = (value, site) =>
  checkOptions(
    site.packageName,
    value,
    {
      prefix: optional(text(/^[\x21-\x7e]{0,100}$/, 'at most 100 printable ASCII characters'), 'sess:'),
      cookieName: optional(text(/^[\w!#$%&'*+.^`|~-]{1,100}$/, 'a token of 1 to 100 characters'), 'connect.sid'),
      secrets: optional(oldSecrets, undefined),
      userIdOf: optional(callback<MigrationOptions['userIdOf'] & object>(), userIdProperty),
    },
    `${site.option}.`,
  ) as ResolvedMigration;
