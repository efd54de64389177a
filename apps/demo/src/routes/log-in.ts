/**
 * Who is who: `POST /login`, `POST /logout`, `GET /me`.
 */
import { type Request, Router } from 'express';
import { type Customer, findCustomer, findCustomerById } from '../customers.js';
import type { Database } from '../database/database.js';
import type { Guards } from '../guards.js';
import { HttpError } from '../http-errors.js';
import { objectBody, text } from '../input.js';

/** The logged-in customer's id. @throws {HttpError} 401 for a guest. */
export function customerIdOf(req: Request): number {
  const { userId } = req.session;
  if (userId === undefined) throw new HttpError(401, 'Log in first: POST /api/login.');
  return Number(userId);
}

/** The logged-in customer. @throws {HttpError} 401 for a guest, or when the account is gone. */
export async function customerOf(req: Request, database: Database): Promise<Customer> {
  const customer = await findCustomerById(database, customerIdOf(req));
  if (customer === undefined) throw new HttpError(401, 'This account does not exist any more.');
  return customer;
}

/** `POST /login`, `POST /logout` and `GET /me`. */
export function logInRoutes({ database, guards }: { database: Database; guards: Guards }): Router {
  const router = Router();

  router.post('/login', guards.loginLimit, async (req, res) => {
    const body = objectBody(req.body);
    const email = text(body['email'], 'email', 3, 254);
    const customer = await findCustomer(database, email, text(body['password'], 'password', 1, 200));
    // One answer for both mistakes: which of them it was is nobody's business.
    if (customer === undefined) throw new HttpError(401, 'E-mail address or password is wrong.');
    // What a guest chose comes along; what another customer left in this browser does not.
    const isGuest = req.session.userId === undefined;
    await guards.sessions.logIn(req, String(customer.id), isGuest ? { keep: ['cart'] } : {});
    res.json(customer);
  });

  router.post('/logout', async (req, res) => {
    await guards.sessions.logOut(req);
    res.status(204).end();
  });

  router.get('/me', async (req, res) => {
    res.json(await customerOf(req, database));
  });

  return router;
}
