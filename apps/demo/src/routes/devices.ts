/**
 * The places where a customer is logged in: `GET /devices`, `DELETE /devices/:id` for one, `DELETE /devices` for all
 * others. A device id is made for being shown: it names a session and does not open it.
 */
import { Router } from 'express';
import type { Guards } from '../guards.js';
import { HttpError } from '../http-errors.js';
import { customerIdOf } from './log-in.js';

/** `GET /devices`, `DELETE /devices/:id` and `DELETE /devices`. */
export function deviceRoutes({ guards: { sessions } }: { guards: Guards }): Router {
  const router = Router();

  router.get('/devices', async (req, res) => {
    res.json({ devices: await sessions.list(String(customerIdOf(req)), req) });
  });

  router.delete('/devices/:id', async (req, res) => {
    // Looked up among the customer's own: the id of somebody else's device is not found.
    const wasThere = await sessions.revoke(String(customerIdOf(req)), req.params.id);
    if (!wasThere) throw new HttpError(404, 'You are not logged in on that device.');
    res.status(204).end();
  });

  router.delete('/devices', async (req, res) => {
    customerIdOf(req);
    res.json({ revoked: await sessions.revokeOthers(req) });
  });

  return router;
}
