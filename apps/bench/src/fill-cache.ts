import { setTimeout as delay } from 'node:timers/promises';
import type { Answer, BenchRequest } from './scenario.js';

/** The answer leaves before it is stored, so the next request may still be early. */
const TRIES = 200;
const PAUSE_MS = 5;

/** Sends the request until it is answered from the cache. @throws {Error} when it is not within a second */
export async function fillCache(
  send: (request: BenchRequest) => Promise<Answer>,
  request: BenchRequest,
  isHit: (answer: Answer) => boolean = ({ headers }) => headers['x-cache'] === 'HIT',
): Promise<BenchRequest> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    if (isHit(await send(request))) return request;
    await delay(PAUSE_MS);
  }
  throw new Error(`${request.path} is not answered from the cache`);
}
