import type { Application, Request, RequestHandler } from 'express';
import type { Redis } from 'ioredis';
import { connect, listen, uniquePrefix, type Express } from '@sallyport/testkit';
import {
  idempotency,
  type IdempotencyEvent,
  type IdempotencyHandler,
  type IdempotencyOptions,
} from '@sallyport/idempotency';

/** A server whose handler is protected, and what is to be known of it. */
export interface Shop {
  readonly url: string;
  readonly app: Application;
  readonly once: IdempotencyHandler;
  readonly prefix: string;
  readonly events: IdempotencyEvent[];
  /** Types of the events so far. */
  types(): string[];
  /** How often the handler was run. */
  runs(): number;
}

/** The user of a request, as tests say it. */
export const userOf = (req: Request): string => req.get('X-User') ?? 'anonymous';

let orders = 0;

/** Answers with a number that never comes twice. */
export const placeOrder: RequestHandler = (_req, res) => {
  orders += 1;
  res.status(201).json({ order: orders });
};

/** Serves `POST /orders` (and any other path and method) with `handler` behind the middleware. */
export async function openShop(
  express: Express,
  handler: RequestHandler = placeOrder,
  options: Partial<IdempotencyOptions> & { readonly redis?: Redis } = {},
): Promise<Shop> {
  const events: IdempotencyEvent[] = [];
  const prefix = options.prefix ?? uniquePrefix('shop');
  const once = idempotency({
    redis: connect(),
    scope: userOf,
    deadlineMs: 5_000,
    onEvent: (event) => events.push(event),
    ...options,
    prefix,
  });
  let runs = 0;
  const app = express();
  app.set('env', 'test');
  app.use(
    express.json(),
    express.raw({ type: 'application/octet-stream' }),
    express.text(),
    express.urlencoded({ extended: false }),
  );
  app.use(once, (req, res, next) => {
    runs += 1;
    return handler(req, res, next);
  });
  const { url } = await listen(app);
  return { url, app, once, prefix, events, types: () => events.map(({ type }) => type), runs: () => runs };
}

/** A key that was not used before. */
export function newKey(): string {
  return `key-${(keys += 1)}-${process.pid}`;
}

let keys = 0;
