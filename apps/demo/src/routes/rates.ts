/**
 * `GET /rates/:currency`: the exchange rate of a provider that fails now and then. An answer counts as fresh for five
 * seconds; for an hour more it is given, marked `stale`, when the provider cannot be asked.
 */
import type { Cache } from '@sallyport/cache';
import { Router } from 'express';
import { choice } from '../input.js';
import { fetchRate } from '../rates/rates-client.js';
import { RATE_CURRENCIES } from '../rates/rates-stand-in.js';

/** How long a rate is as good as a new one. */
const FRESH_MS = 5000;
/** How long after that it may stand in for a provider that fails. */
const KEPT_MS = 60 * 60 * 1000;

/** `GET /rates/:currency`. @param providerUrl base URL of the exchange-rate API */
export function rateRoutes({ cache, providerUrl }: { cache: Cache; providerUrl: string }): Router {
  const router = Router();

  router.get('/rates/:currency', async (req, res) => {
    const currency = choice(req.params.currency, 'currency', RATE_CURRENCIES);
    const { fetchedAtMs, ...rate } = await cache.getOrSet(
      currency,
      async () => ({ ...(await fetchRate(providerUrl, currency)), fetchedAtMs: Date.now() }),
      { ttlMs: FRESH_MS, staleIfErrorMs: KEPT_MS },
    );
    // Younger than its TTL it came from the provider or from the cache; older, the provider must have failed.
    const ageMs = Math.max(0, Date.now() - fetchedAtMs);
    // Our own cache decides how long a rate is good; a browser's must not add to it.
    res.set('Cache-Control', 'no-store').json({ ...rate, ageMs, stale: ageMs > FRESH_MS });
  });

  return router;
}
