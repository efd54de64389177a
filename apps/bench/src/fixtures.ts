// What several scenarios have in common, so that contenders of one subject are asked the same.

import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import { payload, payloadText } from './payload.js';
import type { Answer, BenchRequest, Expectation, Scenario } from './scenario.js';
import { expectAnswer } from './scenario.js';

/** A limit that no run reaches. */
export const FREE = { limit: 100_000_000, windowMs: 3_600_000 } as const;
export const SECRET = 'for measuring only, 32 bytes and more';
export const HOUR_MS = 3_600_000;
/** An answer that waits for a delaying proxy is no failure. */
export const DEADLINE_MS = 5_000;

export const CATALOGUE: BenchRequest = { method: 'GET', path: '/catalogue' };

/** The route that everything is measured in front of. */
export const answerCatalogue = (_req: Request, res: Response): void => void res.json(payload);

/** That route behind a middleware. */
export const catalogueApp = (...middleware: RequestHandler[]): Express => {
  const app = express();
  for (const each of middleware) app.use(each);
  return app.get('/catalogue', answerCatalogue);
};

/** The answer of that route, with further headers. */
export const catalogueIs =
  (headers: Expectation['headers'] = {}) =>
  (answer: Answer): void =>
    expectAnswer(answer, { status: 200, headers, body: payloadText });

export const askCatalogue: Scenario['prepare'] = async () => CATALOGUE;

/** Answers `/catalogue` for a user who is logged in. */
export const answerUser = (userOf: (req: Request) => string | undefined) => (req: Request, res: Response) => {
  res.setHeader('X-User', userOf(req) ?? 'nobody');
  res.json(payload);
};

/** Logs in and asks for the catalogue with the cookie. */
export const askAsUser: Scenario['prepare'] = async (send) => {
  const { cookies } = await send({ method: 'POST', path: '/log-in' });
  return { ...CATALOGUE, headers: { Cookie: cookies[0]?.split(';')[0] ?? '' } };
};

/** Orders once, and asks for the same order again. */
export const orderAgain: Scenario['prepare'] = async (send) => {
  await send(ORDER);
  return ORDER;
};

export const ORDER: BenchRequest = {
  method: 'POST',
  path: '/orders',
  headers: { 'Content-Type': 'application/json', 'Idempotency-Key': '"7f3a9c52-0d1e-4b7a-9a53-2c1f6be0d811"' },
  body: JSON.stringify({ item: 1003, quantity: 2, address: { street: 'Harbour Road 7', city: 'Saltmouth' } }),
};

export const answerOrder = (_req: Request, res: Response): void => void res.status(201).json(payload);

/** A counter of names: more than there are requests at a time, and few enough that Redis does not grow. */
export function cycle(prefix: string, count = 1_000): () => string {
  let index = 0;
  return () => {
    index = (index + 1) % count;
    return `${prefix}${index}`;
  };
}

/** The second request is answered from the cache. */
export const askTwice: Scenario['prepare'] = async (send) => {
  await send(CATALOGUE);
  return CATALOGUE;
};
