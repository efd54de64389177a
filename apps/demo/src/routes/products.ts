/**
 * The catalogue. Lists and details are kept for 30 s in front of the database; writing a review purges what it changes.
 * Mounted before the session, so that the answers depend on nobody and one of them serves all.
 */
import { StoreUnavailableError } from '@sallyport/core';
import { type Request, Router } from 'express';
import { PRODUCT_SORTS, addReview, findProduct, findProducts } from '../database/catalogue-queries.js';
import type { Database } from '../database/database.js';
import { CATALOGUE_TTL_MS, type Guards, productTag } from '../guards.js';
import { HttpError } from '../http-errors.js';
import { choice, integer, integerText, objectBody, text } from '../input.js';
import { customerOf } from './log-in.js';

const MAX_ID = 999_999_999;
/** The same for all, cookies or not. Browsers ask each time, and mostly get a 304; the shop's cache answers them. */
const FOR_EVERYONE = `public, max-age=0, s-maxage=${CATALOGUE_TTL_MS / 1000}`;

/** `GET /products` and `GET /products/:id`. */
export function catalogueRoutes({ database, guards }: { database: Database; guards: Guards }): Router {
  const router = Router();

  router.get('/products', guards.searchLimit, guards.catalogue, async (req, res) => {
    const { q, sort, page } = req.query;
    const products = await findProducts(database, {
      search: text(q, 'q', 0, 60, ''),
      sort: choice(sort, 'sort', PRODUCT_SORTS, 'popular'),
      page: integerText(page, 'page', 1, 1000, 1),
    });
    res.set('Cache-Control', FOR_EVERYONE).json(products);
  });

  router.get('/products/:id', guards.catalogue, async (req, res) => {
    const id = integerText(req.params['id'], 'id', 1, MAX_ID);
    const product = await findProduct(database, id);
    if (product === undefined) throw new HttpError(404, `There is no product ${id}.`);
    res.set('Cache-Control', FOR_EVERYONE).json(product);
  });

  return router;
}

/** `POST /products/:id/reviews`, for customers. */
export function reviewRoutes({ database, guards }: { database: Database; guards: Guards }): Router {
  const router = Router();

  router.post('/products/:id/reviews', async (req, res) => {
    const customer = await customerOf(req, database);
    const productId = integerText(req.params['id'], 'id', 1, MAX_ID);
    const body = objectBody(req.body);
    const review = {
      productId,
      reviewer: customer.name,
      rating: integer(body['rating'], 'rating', 1, 5),
      body: text(body['body'], 'body', 1, 500),
    };
    const id = await addReview(database, review);
    if (id === undefined) throw new HttpError(404, `There is no product ${productId}.`);
    // The review counts in the lists as well.
    await purge(req, guards, ['products', productTag(productId)]);
    res.status(201).json({ id, ...review });
  });

  return router;
}

/**
 * Purges what a change made wrong. The change itself is done: when Redis cannot be told, it is still a success, and the
 * old answers end with their TTL.
 */
export async function purge(req: Request, guards: Guards, tags: readonly string[]): Promise<void> {
  try {
    await guards.catalogue.invalidateTags(tags);
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    req.log.warn({ err: error, tags }, 'not purged');
  }
}
