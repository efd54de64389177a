// Measures what sessions take in Redis, ours and those of connect-redis.

import type { DedicatedRedis } from '@sallyport/testkit';
import { encodeFields } from '../src/session-record.js';
import { createSessionRepository } from '../src/session-repository.js';
import { addressOf, bucketOfUser, createSessionId } from '../src/session-id.js';

/** What an application with passport, a form token and a cart keeps of a user. */
export function typicalSession(index: number): Record<string, unknown> {
  return {
    passport: { user: `u${1_000_000 + index}` },
    csrfSecret: 'vbd8XhcYQkLdxRGvWiYTpVQ2',
    returnTo: '/orders/2026-11-20',
    cart: [{ sku: 'A-1021', count: 2 }],
    locale: 'de-CH',
  };
}

/** The same as connect-redis stores it: one string, with the cookie in it. */
export function asConnectRedis(session: Record<string, unknown>): string {
  const expires = '2026-12-20T12:00:00.000Z';
  const cookie = { originalMaxAge: 2_592_000_000, expires, secure: true, httpOnly: true, path: '/', sameSite: 'lax' };
  return JSON.stringify({ cookie, ...session });
}

/** What the measured sessions take. */
export interface Footprint {
  /** Names and values of all fields of all sessions, in bytes. */
  readonly payloadBytes: number;
  /** MEMORY USAGE of the largest session, in bytes. */
  readonly worstBytes: number;
  /** What Redis as a whole grew by, indexes included, in bytes. */
  readonly usedBytes: number;
}

/** Logs `count` users in, each with what `dataOf` gives, under the usual prefix on a Redis of its own. */
export async function measureSessions(
  server: DedicatedRedis,
  count: number,
  dataOf: (index: number) => Record<string, unknown>,
): Promise<Footprint> {
  const redis = server.client();
  const repository = createSessionRepository({
    redis,
    prefix: 'session:',
    idleMs: 1_800_000,
    absoluteMs: 30 * 86_400_000,
    deadlineMs: 20_000,
    renewalGraceMs: 30_000,
    onReplay: 'end',
    maxDeviceCount: undefined,
    onDeviceLimit: 'evict-oldest',
    onFailure: () => undefined,
  });
  const used = async () => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
  const before = await used();
  let payloadBytes = 0;
  let worstBytes = 0;
  for (let index = 0; index < count; index += 1) {
    const userId = `u${1_000_000 + index}`;
    const address = addressOf(createSessionId(bucketOfUser(userId)));
    if (address === undefined) throw new Error('The id has no address');
    const kept = [...encodeFields(dataOf(index))].flatMap(([name, json]) => [`.${name}`, json]);
    const place = { label: 'Chrome on macOS', ipPrefix: '203.0.113.0/24' };
    await repository.logIn({ address, userId, ...place, kept, replaced: undefined, token: undefined });
    const key = `session:{${address.bucket}}:${address.deviceId}`;
    for (const [name, value] of Object.entries(await redis.hgetall(key))) {
      payloadBytes += Buffer.byteLength(name) + Buffer.byteLength(value);
    }
    worstBytes = Math.max(worstBytes, Number(await redis.memory('USAGE', key)));
  }
  return { payloadBytes, worstBytes, usedBytes: (await used()) - before };
}
