/**
 * The cart, kept in the session: `GET`, `PUT` (sets the quantity of one product, 0 removes it) and `DELETE`. Guests have
 * one as well. It holds ids and quantities only; prices are looked up when they are shown and again when they are paid.
 */
import { Router } from 'express';
import type { Database } from '../database/database.js';
import { SCHEMA_NAME as shop } from '../database/schema.js';
import type { Guards } from '../guards.js';
import { HttpError } from '../http-errors.js';
import { integer, objectBody } from '../input.js';
import type { OrderLine } from '../orders.js';

/** Bounds the session's size in Redis. */
export const MAX_LINES = 20;
/** Of one product in one order. */
const MAX_QUANTITY = 99;

/** One line as a client sends it. @throws {InputError} */
export function orderLine(value: unknown, minimumQuantity: number): OrderLine {
  const { productId, quantity } = objectBody(value);
  return {
    productId: integer(productId, 'productId', 1, 999_999_999),
    quantity: integer(quantity, 'quantity', minimumQuantity, MAX_QUANTITY),
  };
}

/** `GET`, `PUT` and `DELETE /cart`. */
export function cartRoutes({ database, guards }: { database: Database; guards: Guards }): Router {
  const router = Router();
  const { sessions } = guards;

  router.get('/cart', async (req, res) => {
    res.json(await priced(database, sessions.of(req).cart ?? []));
  });

  router.put('/cart', async (req, res) => {
    const line = orderLine(req.body, 0);
    const others = (sessions.of(req).cart ?? []).filter(({ productId }) => productId !== line.productId);
    const cart = line.quantity === 0 ? others : [...others, line];
    if (cart.length > MAX_LINES) throw new HttpError(409, `A cart holds ${MAX_LINES} different products.`);
    const shown = await priced(database, cart);
    // The join drops what is not in the catalogue.
    if (shown.items.length < cart.length) throw new HttpError(404, `There is no product ${line.productId}.`);
    sessions.of(req).cart = cart;
    res.json(shown);
  });

  router.delete('/cart', (req, res) => {
    delete sessions.of(req).cart;
    res.status(204).end();
  });

  return router;
}

interface PricedLine extends OrderLine {
  readonly name: string;
  readonly unitPriceCents: number;
}

/** The cart with names and present prices. */
async function priced(database: Database, cart: readonly OrderLine[]) {
  const items = await database.query<PricedLine>(
    `SELECT p.id AS "productId", line.quantity, p.name, p.price_cents AS "unitPriceCents"
     FROM unnest($1::int[], $2::int[]) AS line (id, quantity) JOIN ${shop}.products p ON p.id = line.id ORDER BY p.id`,
    [cart.map(({ productId }) => productId), cart.map(({ quantity }) => quantity)],
  );
  const totalCents = items.reduce((total, { quantity, unitPriceCents }) => total + quantity * unitPriceCents, 0);
  return { items, totalCents };
}
