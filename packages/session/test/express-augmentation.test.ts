import { describe, expect, it } from '@jest/globals';
import { createSessions } from '@sallyport/session';
import { connect, uniquePrefix } from '@sallyport/testkit';
import type { Request } from 'express';
import { secret } from './shop.js';

/** What the compiler has to accept and to refuse; the tests run through the type check as well. */
function typed(req: Request) {
  const sessions = createSessions<{ cart: string[]; visits: number }>({
    redis: connect({ lazyConnect: true }),
    prefix: uniquePrefix('types'),
    secrets: [secret],
    idleMs: 60_000,
  });
  const session = sessions.of(req);
  const cart: string[] | undefined = session.cart;
  const userId: string | undefined = req.session.userId;
  session.cart = ['apples'];
  const refused = [
    // @ts-expect-error -- not a string array
    () => (session.cart = 7),
    // @ts-expect-error -- a property that was not declared
    () => session.basket,
    // @ts-expect-error -- set by logIn() only
    () => (session.userId = 'root'),
    // @ts-expect-error -- not a property that can be kept
    () => sessions.logIn(req, 'ann', { keep: ['basket'] }),
    // @ts-expect-error -- a number, not a string
    () => session.update('visits', () => 'many'),
    // @ts-expect-error -- a property that was not declared
    () => session.update('basket', () => []),
    () => session.update('visits', (visits = 0) => visits + 1),
    () => session.update((draft) => (draft.cart ??= []).push('apples')),
    // @ts-expect-error -- the type of a property is known
    () => session.update((draft) => draft.cart?.push(7)),
    // @ts-expect-error -- a policy that there is not
    () => createSessions({ redis: connect(), secrets: [secret], idleMs: 1, binding: { network: 'kill' } }),
    // @ts-expect-error -- the data is unknown until somebody says what it is
    () => createSessions({ redis: connect(), secrets: [secret], idleMs: 1 }).of(req).anything,
  ];
  return { cart, userId, refused, session };
}

describe('the types of a session', () => {
  it("give the application's properties, each of which may be absent, and no others", () => {
    const req = { session: {} } as Request;
    const { cart, userId, refused, session } = typed(req);
    expect([cart, userId, session.cart]).toStrictEqual([undefined, undefined, ['apples']]);
    expect(refused).toHaveLength(11);
  });
});
