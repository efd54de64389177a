/**
 * `POST /orders` takes an order once, `GET /orders` lists the customer's own.
 *
 * The body names the items, `{"items":[{"productId":7,"quantity":1}]}`; without them it is the cart. The cart is emptied by the
 * order, so a repetition of the request finds it empty, and is answered all the same: the first answer was kept.
 */
import { createHash } from 'node:crypto';
import { Router } from 'express';
import type { Database } from '../database/database.js';
import { type Guards, productTag } from '../guards.js';
import { HttpError } from '../http-errors.js';
import { InputError, objectBody } from '../input.js';
import { type OrderLine, findOrders, placeOrder } from '../orders.js';
import { MAX_LINES, orderLine } from './cart.js';
import { customerIdOf } from './log-in.js';
import { purge } from './products.js';

/** `POST /orders` and `GET /orders`. */
export function orderRoutes({ database, guards }: { database: Database; guards: Guards }): Router {
  const router = Router();

  router.post(
    '/orders',
    (req, _res, next) => {
      // Before the key is claimed: a guest's attempt must not use it up.
      customerIdOf(req);
      next();
    },
    guards.orderOnce,
    async (req, res) => {
      const session = guards.sessions.of(req);
      const { items } = objectBody(req.body ?? {});
      const lines = items === undefined ? (session.cart ?? []) : linesOf(items);
      if (lines.length === 0) throw new HttpError(409, 'The cart is empty.');
      const order = await placeOrder(database, guards.lock, {
        customerId: customerIdOf(req),
        requestKey: digest(req.idempotency?.key ?? ''),
        lines,
      });
      // Saved before the answer's first byte leaves, so the next request of this browser finds it empty.
      if (items === undefined) delete session.cart;
      // Their stock has changed. The lists show it within 30 s; purging them with every order would leave no cache.
      await purge(
        req,
        guards,
        order.items.map(({ productId }) => productTag(productId)),
      );
      res.status(201).json(order);
    },
  );

  router.get('/orders', async (req, res) => {
    res.json({ orders: await findOrders(database, customerIdOf(req)) });
  });

  return router;
}

/** The items of the body, each product once. @throws {InputError} */
function linesOf(items: unknown): OrderLine[] {
  if (!Array.isArray(items) || items.length === 0 || items.length > MAX_LINES) {
    throw new InputError(`"items" must be a list of 1 to ${MAX_LINES} items.`);
  }
  const lines = items.map((item) => orderLine(item, 1));
  // Twice the same product would be locked twice, and would wait for itself.
  if (new Set(lines.map(({ productId }) => productId)).size < lines.length) {
    throw new InputError('"items" must name each product once.');
  }
  return lines;
}

/** The client chose the key's length and content; the row gets 43 characters of our own. */
function digest(key: string): string {
  return createHash('sha256').update(key).digest('base64url');
}
