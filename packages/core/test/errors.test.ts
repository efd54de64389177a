import { describe, expect, it } from '@jest/globals';
import { CoreError, messageOf, OptionError, StoreUnavailableError } from '../src/index.js';

describe('CoreError', () => {
  it('carries code, cause, status and the name of its class', () => {
    class LockLostError extends CoreError {}
    const cause = new Error('reason');
    const error = new LockLostError('ERR_LOCK_LOST', 'The lock is lost', { cause, status: 409 });
    expect(error).toMatchObject({ code: 'ERR_LOCK_LOST', status: 409, cause, name: 'LockLostError' });
    expect(error).toBeInstanceOf(Error);
  });

  it('has neither cause nor status when none is given', () => {
    const error = new CoreError('ERR_X', 'x');
    expect(Object.hasOwn(error, 'cause')).toBe(false);
    expect(error.status).toBeUndefined();
  });
});

describe('OptionError', () => {
  it('names package, option, rule and value', () => {
    const error = new OptionError('rate-limit', 'windowMs', 'an integer >= 1', '-5');
    expect(error).toMatchObject({ code: 'ERR_RATE_LIMIT_OPTION', option: 'windowMs' });
    expect(error.message).toBe('@sallyport/rate-limit: option `windowMs` must be an integer >= 1, got -5');
  });
});

describe('StoreUnavailableError', () => {
  it('answers 503 and keeps the reason and the cause', () => {
    const cause = new Error('Connection is closed.');
    const error = new StoreUnavailableError('cache', 'disconnected', cause.message, cause);
    expect(error).toMatchObject({ code: 'ERR_CORE_STORE_UNAVAILABLE', status: 503, reason: 'disconnected', cause });
    expect(error.message).toBe('@sallyport/cache: Redis is unavailable: Connection is closed.');
  });
});

describe('messageOf()', () => {
  it('gives the message, or the code of an error without one', () => {
    expect(messageOf(new Error('broken'))).toBe('broken');
    expect(messageOf(Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' }))).toBe('ECONNREFUSED');
    expect(messageOf(new RangeError(''))).toBe('RangeError');
    expect([messageOf('text'), messageOf(undefined)]).toEqual(['text', 'undefined']);
  });
});
