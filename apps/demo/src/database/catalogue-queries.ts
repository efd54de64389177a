/**
 * What the shop asks about its products, as it is written before anybody measures: joined with all reviews, counted,
 * averaged and sorted for each request. Over 120 000 reviews without an index that takes its time, which is why the
 * routes keep the answers in Redis.
 */
import type { Database } from './database.js';
import { SCHEMA_NAME as shop } from './schema.js';

/** Products per page. */
const PAGE_SIZE = 24;
/** Sort orders that a client may name. Only these texts reach the statement. */
const ORDER_BY = {
  popular: '"reviewCount" DESC, p.id',
  rating: '"averageRating" DESC NULLS LAST, "reviewCount" DESC, p.id',
  price: 'p.price_cents, p.id',
  name: 'p.name, p.id',
} as const;

/** A sort order that a client may ask for. */
export type ProductSort = keyof typeof ORDER_BY;
export const PRODUCT_SORTS = Object.keys(ORDER_BY) as ProductSort[];

/** A product in a list. */
export interface ProductSummary {
  readonly id: number;
  readonly sku: string;
  readonly name: string;
  readonly category: string;
  /** One piece, in cents of `currency`. */
  readonly priceCents: number;
  readonly currency: string;
  readonly stock: number;
  readonly reviewCount: number;
  /** Different people among the reviewers: what makes the count slow, and honest. */
  readonly reviewerCount: number;
  /** 1 to 5 with two digits; `null` without reviews. */
  readonly averageRating: number | null;
}

/** One page of the catalogue. */
export interface ProductPage {
  readonly page: number;
  readonly pageSize: number;
  /** Of all pages together. */
  readonly matchCount: number;
  readonly products: readonly ProductSummary[];
}

/** One product with what people say about it. */
export interface ProductDetail extends ProductSummary {
  readonly description: string;
  /** Number of reviews with 1 star, 2 stars … 5 stars. */
  readonly ratings: readonly number[];
  readonly latestReviews: readonly Review[];
  /** What the same people also reviewed, most shared reviewers first. */
  readonly alsoReviewed: readonly { readonly id: number; readonly name: string; readonly sharedReviewers: number }[];
}

/** What one reader wrote. */
export interface Review {
  readonly id: number;
  readonly reviewer: string;
  readonly rating: number;
  readonly body: string;
  /** `YYYY-MM-DD`. */
  readonly writtenOn: string;
}

const SUMMARY = `p.id, p.sku, p.name, p.category, p.price_cents AS "priceCents", p.currency, p.stock,
  count(r.id)::int AS "reviewCount", count(DISTINCT r.reviewer)::int AS "reviewerCount",
  round(avg(r.rating), 2)::float8 AS "averageRating"`;

/** The statement behind the list; exported so that a test can look at its plan. */
export function productPageStatement(sort: ProductSort): string {
  return `SELECT ${SUMMARY}, (count(*) OVER ())::int AS "matchCount"
    FROM ${shop}.products p LEFT JOIN ${shop}.reviews r ON r.product_id = p.id
    WHERE strpos(lower(p.name), lower($1)) > 0
    GROUP BY p.id ORDER BY ${ORDER_BY[sort]} LIMIT ${PAGE_SIZE} OFFSET $2`;
}

/** Products whose name contains `search`, in pages from 1. */
export async function findProducts(
  database: Database,
  { search, sort, page }: { search: string; sort: ProductSort; page: number },
): Promise<ProductPage> {
  // `strpos` and not `ILIKE`: a `%` in the search text is a percent sign.
  const rows = await database.query<ProductSummary & { matchCount: number }>(productPageStatement(sort), [
    search,
    (page - 1) * PAGE_SIZE,
  ]);
  const products = rows.map((row) => {
    const { matchCount: _matchCount, ...product } = row;
    return product;
  });
  return { page, pageSize: PAGE_SIZE, matchCount: rows[0]?.matchCount ?? 0, products };
}

/** The product with that id, or `undefined`. */
export async function findProduct(database: Database, id: number): Promise<ProductDetail | undefined> {
  // Each of the four reads all reviews. A pool of connections runs them side by side; the embedded server one by one.
  const [products, ratings, latestReviews, alsoReviewed] = await Promise.all([
    database.query<ProductSummary & { description: string }>(
      `SELECT ${SUMMARY}, p.description FROM ${shop}.products p LEFT JOIN ${shop}.reviews r ON r.product_id = p.id
       WHERE p.id = $1 GROUP BY p.id`,
      [id],
    ),
    database.query<{ count: number }>(
      `SELECT count(r.id)::int AS count FROM generate_series(1, 5) AS star
       LEFT JOIN ${shop}.reviews r ON r.rating = star AND r.product_id = $1 GROUP BY star ORDER BY star`,
      [id],
    ),
    database.query<Review>(
      `SELECT id::int, reviewer, rating, body, to_char(written_on, 'YYYY-MM-DD') AS "writtenOn"
       FROM ${shop}.reviews WHERE product_id = $1 ORDER BY id DESC LIMIT 5`,
      [id],
    ),
    database.query<{ id: number; name: string; sharedReviewers: number }>(
      `SELECT p.id, p.name, count(DISTINCT other.reviewer)::int AS "sharedReviewers"
       FROM ${shop}.reviews mine
       JOIN ${shop}.reviews other ON other.reviewer = mine.reviewer AND other.product_id <> mine.product_id
       JOIN ${shop}.products p ON p.id = other.product_id
       WHERE mine.product_id = $1 GROUP BY p.id ORDER BY "sharedReviewers" DESC, p.id LIMIT 4`,
      [id],
    ),
  ]);
  const [product] = products;
  if (product === undefined) return undefined;
  return { ...product, ratings: ratings.map(({ count }) => count), latestReviews, alsoReviewed };
}

/** Stores a review. @returns its id, or `undefined` when there is no such product. */
export async function addReview(
  database: Database,
  { productId, reviewer, rating, body }: { productId: number; reviewer: string; rating: number; body: string },
): Promise<number | undefined> {
  const [row] = await database.query<{ id: number }>(
    `INSERT INTO ${shop}.reviews (product_id, reviewer, rating, body, written_on)
     SELECT id, $2, $3, $4, current_date FROM ${shop}.products WHERE id = $1 RETURNING reviews.id::int AS id`,
    [productId, reviewer, rating, body],
  );
  return row?.id;
}
