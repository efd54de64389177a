import { expect } from '@jest/globals';
import { createSessions, type SessionsOptions } from '@sallyport/session';
import { middlewareContract } from '@sallyport/testkit';
import { secret } from './shop.js';

middlewareContract({
  name: 'session',
  create: (options: SessionsOptions) => {
    const sessions = createSessions(options);
    return Object.assign(sessions.middleware, { clear: () => sessions.clear(), close: () => sessions.close() });
  },
  options: { secrets: [secret], idleMs: 60_000 },
  lacks: ['skip'],
  handler: (req, res) => {
    Reflect.set(req.session, 'seen', true);
    res.json({ ok: true });
  },
  // A session that cannot be saved is a 503 under either policy.
  expectDegraded: (response) => expect(response.status).toBe(503),
  policies: { closed: (response) => expect(response.status).toBe(503) },
  badOptions: {
    secrets: [undefined, null, 'a string', [], [7], ['']],
    idleMs: [undefined, 0, 999, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '1000', 31 * 86_400_000],
    absoluteMs: [0, 999, -1, null, '1d', 59_999],
    cookie: [7, null, []],
  },
});
