import { describe, expect, it } from '@jest/globals';
import { createSessions } from '@sallyport/session';
import { connect, uniquePrefix } from '@sallyport/testkit';
import type { Request } from 'express';
import { secret } from './shop.js';

/** What the compiler has to accept and to refuse; the tests run through the type check as well. */
function typed(req: Request) {
  const sessions = createSessions<{ cart: string[] }>({
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
  ];
  return { cart, userId, refused, session };
}

describe('the types of a session', () => {
  it("give the application's properties, each of which may be absent, and no others", () => {
    const req = { session: {} } as Request;
    const { cart, userId, refused, session } = typed(req);
    expect([cart, userId, session.cart]).toStrictEqual([undefined, undefined, ['apples']]);
    expect(refused).toHaveLength(4);
  });
});
