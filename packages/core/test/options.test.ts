import { describe, expect, it } from '@jest/globals';
import { connect } from '@sallyport/testkit';
import {
  boolean,
  callback,
  checkOptions,
  deadline,
  integer,
  keyPrefix,
  kindOf,
  oneOf,
  OptionError,
  optional,
  redisClient,
  refuse,
  text,
  type Check,
} from '../src/index.js';

const site = { packageName: 'core-test', option: 'door' };

function messageOfCheck(check: Check<unknown>, value: unknown): string {
  try {
    check(value, site);
  } catch (error) {
    expect(error).toBeInstanceOf(OptionError);
    expect(error).toMatchObject({ code: 'ERR_CORE_TEST_OPTION', option: 'door' });
    return (error as OptionError).message;
  }
  throw new Error(`The check accepted ${String(value)}`);
}

describe('checkOptions()', () => {
  const checks = { limit: integer(1), prefix: optional(keyPrefix, 'door:'), isOpen: optional(boolean, true) };

  it('gives the checked values and the defaults, and leaves the object alone', () => {
    const options = Object.freeze({ limit: 5, prefix: undefined });
    expect(checkOptions('core-test', options, checks)).toEqual({ limit: 5, prefix: 'door:', isOpen: true });
  });

  it('keeps 0, false and the empty string where they are allowed', () => {
    const values = { zero: 0, no: false, empty: '' };
    const table = {
      zero: optional(integer(0), 7),
      no: optional(boolean, true),
      empty: optional(text(/^$/, 'empty'), 'x'),
    };
    expect(checkOptions('core-test', values, table)).toEqual(values);
  });

  it.each([undefined, null, 5, 'text', [], [{ limit: 1 }]])('refuses %j in place of the object', (options) => {
    expect(() => checkOptions('core-test', options, checks)).toThrow('option `options` must be an object, got');
  });

  it('refuses an unknown name and says which are known', () => {
    expect(() => checkOptions('core-test', { limit: 1, limitt: 2 }, checks)).toThrow(
      '@sallyport/core-test: option `limitt` must be left out: there is no such option (known: limit, prefix, isOpen), got 2',
    );
  });

  it('refuses an unknown name even when its value is undefined', () => {
    expect(() => checkOptions('core-test', { limit: 1, maxx: undefined }, checks)).toThrow('`maxx`');
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('refuses %s as an own property', (name) => {
    const options = JSON.parse(`{"limit":1,"${name}":{"limit":2}}`) as unknown;
    expect(() => checkOptions('core-test', options, checks)).toThrow(`option \`${name}\` must be left out`);
  });

  it('never shows the text of a misspelled option, which may be a secret', () => {
    const options = { limit: 1, secret: 'hunter2', credentials: { password: 'hunter2' } };
    const attempt = () => checkOptions('core-test', options, checks);
    expect(attempt).toThrow('`secret`');
    expect(attempt).not.toThrow('hunter2');
    const { secret: _secret, ...rest } = options;
    expect(() => checkOptions('core-test', rest, checks)).toThrow(/`credentials`.*got \[Object\]$/);
  });

  it('names nested options by their path', () => {
    expect(() => checkOptions('core-test', { limit: 0 }, checks, 'cookie.')).toThrow('option `cookie.limit`');
    expect(() => checkOptions('core-test', null, checks, 'cookie.')).toThrow('option `cookie` must be an object');
  });
});

describe('the checks', () => {
  it.each<[string, Check<unknown>, unknown, unknown[]]>([
    ['an integer >= 1', integer(1), 1, [0, -1, 1.5, NaN, Infinity, '10', null, undefined, 2 ** 53, [1], 10n, true]],
    ['an integer from 1 to 9', integer(1, 9), 9, [10, 0]],
    ['an integer from 1 to 60000', deadline, 60_000, [0, 60_001, '5']],
    ['true or false', boolean, false, [0, 1, 'true', null, undefined]],
    [`one of 'a', 'b'`, oneOf('a', 'b'), 'b', ['c', 'A', '', null, ['a']]],
    ['three letters', text(/^[a-z]{3}$/, 'three letters'), 'abc', ['ab', 'abc\n', 5, null, ['abc']]],
    ['a function', callback(), Math.abs, ['f', null, {}]],
    [
      '1 to 100 printable ASCII characters',
      keyPrefix,
      'shop:',
      ['', 'a b', 'a{b', 'a}', 'é', 'a\n', 'x'.repeat(101), 5],
    ],
  ])('refuse all but %s', (expected, check, right, wrongs) => {
    expect(check(right, site)).toBe(right);
    for (const wrong of wrongs) {
      const message = messageOfCheck(check, wrong);
      expect(message).toContain(`option \`door\` must be ${expected}`);
      expect(message).toMatch(/, got .+/);
    }
  });

  it('show the value', () => {
    expect(messageOfCheck(integer(1), '10')).toMatch(/got '10'$/);
    expect(messageOfCheck(integer(1), NaN)).toMatch(/got NaN$/);
    expect(messageOfCheck(boolean, undefined)).toMatch(/got undefined$/);
    expect(messageOfCheck(boolean, 'x'.repeat(10_000)).length).toBeLessThan(200);
  });

  it('accept undefined as the default, but not null', () => {
    expect(optional(integer(1), 7)(undefined, site)).toBe(7);
    expect(messageOfCheck(optional(integer(1), 7), null)).toMatch(/got null$/);
  });

  it('accept an ioredis client', () => {
    const redis = connect({ lazyConnect: true });
    expect(redisClient(redis, site)).toBe(redis);
  });

  it.each([undefined, null, 'redis://:hunter2@db:6379', { host: 'db', password: 'hunter2' }, ['hunter2']])(
    'refuse %j as a client without showing what it holds',
    (value) => {
      const message = messageOfCheck(redisClient, value);
      expect(message).toContain('must be an ioredis client');
      expect(message).not.toContain('hunter2');
    },
  );
});

describe('refuse()', () => {
  it('shows `received` in place of a secret value', () => {
    const attempt = () => refuse({ packageName: 'session', option: 'secrets' }, 'of 32 bytes', 'hunter2', '7 bytes');
    expect(attempt).toThrow('@sallyport/session: option `secrets` must be of 32 bytes, got 7 bytes');
    expect(attempt).not.toThrow('hunter2');
  });
});

describe('kindOf()', () => {
  it('tells what a value is and nothing that it holds', () => {
    class Vault {
      readonly password = 'hunter2';
    }
    const kinds = ['hunter2', new Vault(), { password: 'hunter2' }, ['hunter2'], 5, null].map(kindOf);
    expect(kinds).toEqual(['a string', '[Vault]', '[Object]', '[Array]', '5', 'null']);
  });
});
