import { until } from '@sallyport/testkit';
import request, { type Response } from 'supertest';

/**
 * Asks until the answer comes from the cache. On a busy machine a call to Redis may miss its deadline; the shop then answers
 * without it, as it should, and remembers the next one.
 */
export async function untilHit(url: string, path: string, headers: Record<string, string> = {}): Promise<Response> {
  const ask = async () => {
    const response = await request(url).get(path).set(headers);
    return response.headers['x-cache'] === 'HIT' && response;
  };
  const hit = await until(ask, { timeoutMs: 15_000, everyMs: 20, description: `${path} is a HIT` });
  if (hit === false) throw new Error('until() gives nothing falsy');
  return hit;
}
