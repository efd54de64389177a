import { describe, expect, it } from '@jest/globals';
import { ConfigError, readConfig } from '../src/config.js';

const SECRET = 'a-secret-of-thirty-two-characters';

describe('readConfig()', () => {
  it('serves on 127.0.0.1:3000 with a local Redis and the embedded Postgres when nothing is set', () => {
    expect(readConfig({})).toMatchObject({
      host: '127.0.0.1',
      port: 3000,
      redisUrl: 'redis://127.0.0.1:6379',
      databaseUrl: undefined,
      trustProxy: 0,
      logLevel: 'info',
      ratesUrl: undefined,
      hasDemoControls: true,
    });
  });

  it('takes an empty variable for one that is not set', () => {
    expect(readConfig({ PORT: '', REDIS_URL: ' ' })).toMatchObject({ port: 3000, redisUrl: 'redis://127.0.0.1:6379' });
  });

  it('makes up another session secret in each process, and says so', () => {
    const [first, second] = [readConfig({}), readConfig({})];
    expect(first.isSessionSecretRandom).toBe(true);
    expect(first.sessionSecrets).not.toStrictEqual(second.sessionSecrets);
    expect(readConfig({ SESSION_SECRET: SECRET })).toMatchObject({
      sessionSecrets: [SECRET],
      isSessionSecretRandom: false,
    });
  });

  it('reads several session secrets, the signing one first', () => {
    const older = `older-${SECRET}`;
    expect(readConfig({ SESSION_SECRET: `${SECRET} ${older}` }).sessionSecrets).toStrictEqual([SECRET, older]);
  });

  it('reads the number or the addresses of trusted proxies', () => {
    expect(readConfig({ TRUST_PROXY: '1' }).trustProxy).toBe(1);
    expect(readConfig({ TRUST_PROXY: '10.0.0.0/8, ::1, loopback' }).trustProxy).toStrictEqual([
      '10.0.0.0/8',
      '::1',
      'loopback',
    ]);
  });

  it.each(['redis://h', 'rediss://u:p@h:1/2', 'redis+sentinel://a:1,b:2/main', 'rediss+cluster://a,b'])(
    'takes %s for Redis',
    (url) => {
      expect(readConfig({ REDIS_URL: url }).redisUrl).toBe(url);
    },
  );

  it.each([
    ['PORT', '80a'],
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['REDIS_URL', 'localhost:6379'],
    ['DATABASE_URL', 'mysql://localhost'],
    ['TRUST_PROXY', 'true'],
    ['LOG_LEVEL', 'loud'],
    ['RATES_URL', 'ftp://rates'],
    ['DEMO_CONTROLS', 'yes'],
    ['SESSION_SECRET', 'short'],
  ])('refuses %s=%s and names the variable', (name, value) => {
    const read = () => readConfig({ [name]: value });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(name);
  });

  it('insists on a session secret in production', () => {
    expect(() => readConfig({ NODE_ENV: 'production' })).toThrow('SESSION_SECRET');
  });

  it('never repeats a password or a secret in its message', () => {
    expect(() => readConfig({ REDIS_URL: 'redix://user:hunter2@host' })).toThrow(/^(?!.*hunter2)/);
    expect(() => readConfig({ SESSION_SECRET: 'hunter2' })).toThrow(/^(?!.*hunter2)/);
  });
});
