import { describe, expect, it } from '@jest/globals';
import { startProxy, uniquePrefix, until } from '@sallyport/testkit';
import { sendOnce } from '../src/send-once.js';

describe('sendOnce()', () => {
  it('sends a PING in place of a command that ioredis would send again, and fails', async () => {
    const proxy = await startProxy();
    const redis = proxy.client({ retryStrategy: () => 1 });
    const key = `${uniquePrefix('once')}counter`;
    const names: string[] = [];
    await redis.ping();
    proxy.dropReplies(({ name }) => {
      names.push(name);
      return name === 'incr' && names.length === 1;
    });
    await expect(sendOnce(redis).call('incr', key)).rejects.toThrow('The connection broke before the reply came');
    expect(names).toEqual(['incr', 'ping']);
    expect(await redis.get(key)).toBe('1');
    // The client itself goes on as its owner has set it.
    names.length = 0;
    expect(await redis.incr(key)).toBe(3);
  });

  it('gives replies as the client would, with its keyPrefix', async () => {
    const proxy = await startProxy();
    const keyPrefix = uniquePrefix('once');
    const redis = proxy.client({ keyPrefix });
    await until(async () => redis.status === 'ready');
    const once = sendOnce(redis);
    expect(await once.call('set', 'k', 'v', 'PX', 60_000)).toBe('OK');
    expect(await once.callBuffer('get', 'k')).toEqual(Buffer.from('v'));
    expect(await redis.get('k')).toBe('v');
    await expect(once.call('incr', 'k')).rejects.toThrow('ERR value is not an integer');
  });
});
