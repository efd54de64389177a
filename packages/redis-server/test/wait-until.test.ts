import { describe, expect, it } from '@jest/globals';
import { RedisStartError } from '../src/index.js';
import { waitUntil } from '../src/wait-until.js';

describe('waitUntil()', () => {
  it('returns the first value that is not undefined, and takes errors for "not yet"', async () => {
    let asked = 0;
    const found = await waitUntil({ goal: 'the third time', pollMs: 1 }, async () => {
      asked += 1;
      if (asked === 1) throw new Error('too early');
      return asked === 3 ? 'there' : undefined;
    });
    expect(found).toBe('there');
  });

  it('names the goal and the last error at the limit', async () => {
    const waiting = waitUntil({ goal: 'rain', limitMs: 20, pollMs: 1 }, () => Promise.reject(new Error('sunshine')));
    const error = await waiting.catch((error: unknown) => error);
    expect(error).toBeInstanceOf(RedisStartError);
    expect(error).toMatchObject({
      message: 'Waited 20 ms in vain for rain; last error: sunshine',
      cause: new Error('sunshine'),
    });
  });
});
