/**
 * Takes orders. Three things make one click one order:
 *
 *   1. `Idempotency-Key` (the middleware before this): a repeated request gets the first answer.
 *   2. A lock per product, taken in the order of their ids so that two baskets never wait for each other.
 *   3. One transaction with a conditional update, and a unique key per request: should Redis lose the lease or the
 *      record, Postgres still sells no piece twice and keeps one row.
 *
 * Prices come from the database at this moment, in whole cents. What the client thinks they are is not asked.
 */
import type { Lock } from '@sallyport/lock';
import type { Database, Queryable } from './database/database.js';
import { SCHEMA_NAME as shop } from './database/schema.js';
import { HttpError } from './http-errors.js';

/** What is wanted: product id and number of pieces. */
export interface OrderLine {
  readonly productId: number;
  readonly quantity: number;
}

/** An order that was taken. */
export interface Order {
  readonly id: number;
  /** In cents of `currency`, as are the prices of the items. */
  readonly totalCents: number;
  readonly currency: string;
  /** ISO 8601, UTC. */
  readonly placedAt: string;
  readonly items: readonly (OrderLine & { readonly unitPriceCents: number })[];
}

/** What one customer asks for, in one request. */
export interface OrderRequest {
  readonly customerId: number;
  /** The same for each attempt at the same order. */
  readonly requestKey: string;
  /** One line per product. */
  readonly lines: readonly OrderLine[];
}

/** Long for a transaction of some milliseconds, short for a process that died with the lock. */
const LEASE_MS = 5000;
const WAIT_MS = 2000;
const CURRENCY = 'EUR';

/**
 * @throws {HttpError} 404 for an unknown product, 409 when there are not enough pieces; nothing is sold then.
 * @throws {LockUnavailableError} when Redis does not answer: without the lock no order is taken.
 */
export async function placeOrder(database: Database, lock: Lock, request: OrderRequest): Promise<Order> {
  const lines = request.lines.toSorted((a, b) => a.productId - b.productId);
  // From the inside out: the transaction, then a lock around it for each product, the lowest id outermost.
  const place = () => database.transaction((transaction) => sell(transaction, { ...request, lines }));
  const locked = lines.reduceRight<() => Promise<Order>>(
    (work, { productId }) =>
      () =>
        lock.using(`product:${productId}`, { leaseMs: LEASE_MS, waitMs: WAIT_MS }, work),
    place,
  );
  return locked();
}

/** The customer's orders, latest first. */
export function findOrders(database: Queryable, customerId: number): Promise<Order[]> {
  return database.query<Order>(`${SELECT_ORDERS} WHERE o.customer_id = $1 GROUP BY o.id ORDER BY o.id DESC LIMIT 50`, [
    customerId,
  ]);
}

const SELECT_ORDERS = `SELECT o.id::int, o.total_cents AS "totalCents", o.currency,
    to_char(o.placed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS "placedAt",
    json_agg(json_build_object('productId', i.product_id, 'quantity', i.quantity, 'unitPriceCents', i.unit_price_cents)
             ORDER BY i.product_id) AS items
  FROM ${shop}.orders o JOIN ${shop}.order_items i ON i.order_id = o.id`;

async function sell(transaction: Queryable, { customerId, requestKey, lines }: OrderRequest): Promise<Order> {
  // A repetition whose record Redis has lost.
  const found = await findByKey(transaction, customerId, requestKey);
  if (found !== undefined) return found;
  const items = [];
  for (const line of lines) items.push({ ...line, unitPriceCents: await takeFromStock(transaction, line) });
  const totalCents = items.reduce((total, { quantity, unitPriceCents }) => total + quantity * unitPriceCents, 0);
  const [order] = await transaction.query<{ id: string }>(
    `INSERT INTO ${shop}.orders (customer_id, request_key, total_cents, currency) VALUES ($1, $2, $3, $4) RETURNING id`,
    [customerId, requestKey, totalCents, CURRENCY],
  );
  await transaction.query(
    `INSERT INTO ${shop}.order_items (order_id, product_id, quantity, unit_price_cents)
     SELECT $1, * FROM unnest($2::int[], $3::int[], $4::int[])`,
    [order?.id, items.map((i) => i.productId), items.map((i) => i.quantity), items.map((i) => i.unitPriceCents)],
  );
  const placed = await findByKey(transaction, customerId, requestKey);
  if (placed === undefined) throw new Error(`Order ${order?.id} cannot be read back`);
  return placed;
}

async function findByKey(transaction: Queryable, customerId: number, requestKey: string): Promise<Order | undefined> {
  const where = 'WHERE o.customer_id = $1 AND o.request_key = $2 GROUP BY o.id';
  const [order] = await transaction.query<Order>(`${SELECT_ORDERS} ${where}`, [customerId, requestKey]);
  return order;
}

/** Takes the pieces from the stock in one statement, so that no reader gets in between. @returns the price of one piece. */
async function takeFromStock(transaction: Queryable, { productId, quantity }: OrderLine): Promise<number> {
  const [taken] = await transaction.query<{ priceCents: number }>(
    `UPDATE ${shop}.products SET stock = stock - $2 WHERE id = $1 AND stock >= $2 RETURNING price_cents AS "priceCents"`,
    [productId, quantity],
  );
  if (taken !== undefined) return taken.priceCents;
  const [product] = await transaction.query<{ stock: number }>(`SELECT stock FROM ${shop}.products WHERE id = $1`, [
    productId,
  ]);
  if (product === undefined) throw new HttpError(404, `There is no product ${productId}.`);
  throw new HttpError(409, `There are only ${product.stock} pieces of product ${productId} left.`);
}
