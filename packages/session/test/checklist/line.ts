// One line of the checklist: a claim of OWASP's Session Management Cheat Sheet (CS), of ASVS 5.0 (A) or of the cookie
// specification (CK), and the check that shows it. A check knows sessions only through a Subject, so the same table runs
// against this package and against plain express-session on connect-redis.

import { expect } from '@jest/globals';
import { keysUnder } from '@sallyport/testkit';
import type request from 'supertest';
import { cookiesOf, type openShop, type ShopOptions } from '../shop.js';

export type Shop = Awaited<ReturnType<typeof openShop>>;

/** Session middleware that the checklist is run against. */
export interface Subject {
  readonly name: string;
  readonly secret: string;
  /** Opens the shop of the tests behind it. Throws {@link Lacks} for a setting that it does not know. */
  open(options?: ShopOptions): Promise<Shop>;
  /** Session ids as it makes them. */
  createIds(count: number): string[];
  /** Source text of what compares signatures. */
  readonly signatureSource: string;
}

export interface Line {
  readonly line: number;
  readonly source: string;
  readonly claim: string;
  readonly check: (subject: Subject) => Promise<void>;
}

/** Thrown by a subject that has no such feature: the line is not met. */
export class Lacks extends Error {
  constructor(subject: string, feature: string) {
    super(`${subject} has no ${feature}`);
  }
}

/** Asserts that a subject refuses these options at start, because of what they say and not because it knows none. */
export async function expectRefusal(subject: Subject, options: ShopOptions & Record<string, unknown>): Promise<void> {
  const outcome = await subject.open(options).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome instanceof Lacks) throw outcome;
  expect({ options: JSON.stringify(options), outcome }).toMatchObject({ outcome: { code: 'ERR_SESSION_OPTION' } });
}

/** Routes that make the shop look as if it stood behind a proxy that ends TLS. */
export const behindTls: NonNullable<ShopOptions['before']> = (app) => app.set('trust proxy', true);
export const TLS = { 'X-Forwarded-Proto': 'https' };

/** The `name=value` of the first cookie that a response sets, and is not clearing. */
export function cookieOf(response: request.Response): string {
  const pairs = cookiesOf(response).map((line) => line.split(';')[0] ?? '');
  return pairs.find((pair) => !pair.endsWith('=')) ?? '';
}

/** The session id in a `name=value`. */
export function idIn(cookie: string): string {
  return /=s:(.+)\./.exec(decodeURIComponent(cookie))?.[1] ?? '';
}

/** All keys of a shop; of every kind. */
export function keysOf(shop: Shop): Promise<string[]> {
  return keysUnder(shop.redis, `${shop.prefix}*`);
}

/** Who the bearer of a cookie is, and what the session holds. */
export async function look(
  shop: Shop,
  cookie: string,
  headers: Record<string, string> = {},
): Promise<{ userId: string | null; data: Record<string, unknown> }> {
  return (await shop.visit.get('/').set('Cookie', cookie).set(headers)).body as Awaited<ReturnType<typeof look>>;
}

/** Logs a user in from a fresh browser; gives the cookie. */
export async function logIn(shop: Shop, user = 'ann', headers: Record<string, string> = {}): Promise<string> {
  const response = await shop.visit.post(`/log-in/${user}`).set(headers);
  expect(response.status).toBe(200);
  return cookieOf(response);
}

/** The events of one type. */
export function eventsOf(shop: Shop, type: string): readonly { readonly type: string }[] {
  return shop.events.filter((event) => event.type === type);
}
