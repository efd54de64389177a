import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { secrets } from '../src/secrets.js';

const site = { packageName: 'session', option: 'secrets' };
const strong = 'correct horse battery staple, and 32 more';
const weak: [string, string[]][] = [
  ['a short secret', ['keyboard cat']],
  ['a short previous secret', [strong, 'keyboard cat']],
  ['the same secret twice', [strong, strong]],
  ['a long secret of few characters', ['ab'.repeat(32)]],
];

describe('secrets', () => {
  const before = process.env['NODE_ENV'];
  afterEach(() => {
    process.env['NODE_ENV'] = before;
  });

  it.each(weak)('refuses %s in production, without showing it', (_what, value) => {
    process.env['NODE_ENV'] = 'production';
    const refusal = expect.objectContaining({
      code: 'ERR_SESSION_OPTION',
      message: expect.not.stringMatching(/keyboard|battery|abab/),
    });
    expect(() => secrets(value, site)).toThrow(refusal);
  });

  it.each(weak)('warns of %s elsewhere', (_what, value) => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    expect(secrets(value, site)).toStrictEqual(value);
    expect(warn.mock.calls).toStrictEqual([[expect.stringContaining('NODE_ENV=production'), 'SallyportWarning']]);
    warn.mockRestore();
  });

  it('accepts strong, different ones in production', () => {
    process.env['NODE_ENV'] = 'production';
    expect(secrets([strong, `${strong}!`], site)).toHaveLength(2);
  });

  it.each([[undefined], [[]], ['one string'], [[7]], [['']], [[strong, null]]])('refuses %j everywhere', (value) => {
    expect(() => secrets(value, site)).toThrow(expect.objectContaining({ code: 'ERR_SESSION_OPTION' }));
  });
});
