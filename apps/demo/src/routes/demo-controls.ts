/**
 * Switches for people who watch: `POST /demo/rates-api {"mode": "ok" | "slow" | "fail" | "hang"}` and
 * `POST /demo/purge {"tags": [...]}`. Not served with `DEMO_CONTROLS=off`.
 */
import { Router, json } from 'express';
import type { Guards } from '../guards.js';
import { HttpError } from '../http-errors.js';
import { InputError, choice, objectBody } from '../input.js';
import { RATES_MODES, type RatesStandIn } from '../rates/rates-stand-in.js';
import { purge } from './products.js';

/** What the shop's own tags look like. */
const TAG = /^[\w:-]{1,40}$/;

/** The switches. @param standIn `undefined` when a real provider is asked */
export function demoControls({ guards, standIn }: { guards: Guards; standIn: RatesStandIn | undefined }): Router {
  const router = Router();
  router.use(json({ limit: '2kb' }));

  router.post('/demo/rates-api', (req, res) => {
    if (standIn === undefined)
      throw new HttpError(409, 'RATES_URL names a real provider, which cannot be told to fail.');
    standIn.mode = choice(objectBody(req.body)['mode'], 'mode', RATES_MODES);
    res.json({ mode: standIn.mode });
  });

  router.post('/demo/purge', async (req, res) => {
    const { tags } = objectBody(req.body);
    if (!Array.isArray(tags) || tags.length === 0 || !tags.every((tag) => typeof tag === 'string' && TAG.test(tag))) {
      throw new InputError('"tags" must be a list of tags, such as "products" or "product:7".');
    }
    await purge(req, guards, tags);
    res.json({ purged: tags });
  });

  return router;
}
