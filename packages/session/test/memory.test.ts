import { describe, expect, it } from '@jest/globals';
import { dedicatedRedis } from '@sallyport/testkit';
import { asConnectRedis, measureSessions, typicalSession } from './memory.js';

const isFull = process.env['SALLYPORT_TEST'] === 'full';
const COUNT = isFull ? 10_000 : 300;

describe('the memory of sessions', () => {
  it('is at most 215 bytes for one that holds a user id', async () => {
    const { worstBytes } = await measureSessions(await dedicatedRedis(), COUNT, () => ({}));
    if (isFull) process.stdout.write(`one user id: ${worstBytes} bytes (MEMORY USAGE)\n`);
    expect(worstBytes).toBeLessThanOrEqual(215);
  }, 120_000);

  it('is at most 250 bytes of payload for a typical one: 2.5 MB for 10 000, and less than connect-redis', async () => {
    const { payloadBytes, worstBytes, usedBytes } = await measureSessions(
      await dedicatedRedis(),
      COUNT,
      typicalSession,
    );
    const theirs = asConnectRedis(typicalSession(0)).length;
    if (isFull) {
      process.stdout.write(`typical: ${payloadBytes / COUNT} bytes of payload, ${worstBytes} with MEMORY USAGE, `);
      process.stdout.write(`${Math.round(usedBytes / COUNT)} in all; as connect-redis: ${theirs} bytes of payload\n`);
    }
    expect(payloadBytes / COUNT).toBeLessThanOrEqual(250);
    expect(payloadBytes / COUNT).toBeLessThan(theirs);
  }, 120_000);
});
