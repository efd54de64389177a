import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { PRODUCT_COUNT, REVIEW_COUNT, generateProducts } from '../src/database/catalogue.js';
import { findProduct, findProducts, productPageStatement } from '../src/database/catalogue-queries.js';
import type { Database } from '../src/database/database.js';
import { createRandom } from '../src/database/random.js';
import { isPasswordRight } from '../src/passwords.js';
import { FIRST_START_MS, embeddedDatabase } from './support/shared-database.js';

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Plan Rows': number;
  readonly Plans?: readonly PlanNode[];
}

const nodesOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];
const digest = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);

describe('createRandom()', () => {
  it('gives the same numbers for the same seed, and others for another', () => {
    const sequence = (seed: number) =>
      Array.from({ length: 20 }, createRandom.bind(null, seed)).map((next) => next(1e6));
    const random = createRandom(7);
    const numbers = Array.from({ length: 1000 }, () => random(10));
    expect(sequence(1)).toStrictEqual(sequence(1));
    expect(sequence(1)).not.toStrictEqual(sequence(2));
    expect(new Set(numbers).size).toBe(10);
    expect(numbers.every((number) => Number.isInteger(number) && number >= 0 && number < 10)).toBe(true);
  });
});

describe('generateProducts()', () => {
  it('gives the same 2 400 products on every machine', () => {
    expect(generateProducts()).toHaveLength(PRODUCT_COUNT);
    expect(digest(generateProducts())).toBe('fea2ec1086eece1e');
  });

  it('gives every product a unique SKU, a price in whole cents and some stock', () => {
    const products = generateProducts();
    expect(new Set(products.map(({ sku }) => sku)).size).toBe(PRODUCT_COUNT);
    expect(products.every(({ priceCents, stock }) => Number.isInteger(priceCents) && priceCents > 0 && stock > 0)).toBe(
      true,
    );
  });
});

describe('the seeded database', () => {
  let database: Database;
  beforeAll(async () => {
    database = await embeddedDatabase();
  }, FIRST_START_MS);

  it('holds the same 120 000 reviews on every machine', async () => {
    const [row] = await database.query(
      `SELECT count(*)::int AS count,
              md5(string_agg(concat_ws('|', id, product_id, reviewer, rating, body, written_on), ',' ORDER BY id)) AS md5
       FROM sallyport_demo.reviews`,
    );
    expect(row).toStrictEqual({ count: REVIEW_COUNT, md5: '1d1c1e01bbbbdd7f4219fad67b6a5106' });
  });

  it('lets its customers in with "demo" and with nothing else', async () => {
    const [ada] = await database.query<{ password_hash: string }>(
      `SELECT password_hash FROM sallyport_demo.customers WHERE email = 'ada@example.com'`,
    );
    expect(await isPasswordRight('demo', ada?.password_hash)).toBe(true);
    expect(await isPasswordRight('Demo', ada?.password_hash)).toBe(false);
    expect(await isPasswordRight('', undefined)).toBe(false);
  });

  it('reads every review for a product list: no index helps, as in shops that need a cache', async () => {
    const [row] = await database.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
      `EXPLAIN (FORMAT JSON) ${productPageStatement('popular')}`,
      ['', 0],
    );
    const plan = row?.['QUERY PLAN'][0].Plan;
    expect(plan === undefined ? [] : nodesOf(plan)).toContainEqual(
      expect.objectContaining({ 'Node Type': 'Seq Scan', 'Relation Name': 'reviews', 'Plan Rows': REVIEW_COUNT }),
    );
  });

  it('counts, averages and sorts in findProducts()', async () => {
    const first = await findProducts(database, { search: '', sort: 'popular', page: 1 });
    const second = await findProducts(database, { search: '', sort: 'popular', page: 2 });
    expect(first).toMatchObject({ page: 1, pageSize: 24, matchCount: PRODUCT_COUNT });
    const counts = [...first.products, ...second.products].map(({ reviewCount }) => reviewCount);
    expect(counts).toHaveLength(48);
    expect(counts).toStrictEqual(counts.toSorted((a, b) => b - a));
    expect(first.products[0]).toMatchObject({ id: 1, averageRating: expect.closeTo(3.75, 0) });
  });

  it('takes the wildcards of LIKE literally in a search', async () => {
    expect(await findProducts(database, { search: '%', sort: 'name', page: 1 })).toMatchObject({
      matchCount: 0,
      products: [],
    });
    const teapots = await findProducts(database, { search: 'TEAPOT', sort: 'name', page: 1 });
    expect(teapots.matchCount).toBeGreaterThan(10);
    expect(teapots.products.every(({ name }) => name.endsWith('teapot'))).toBe(true);
  });

  it('shows one product with its ratings, its latest reviews and what else their writers reviewed', async () => {
    const product = await findProduct(database, 7);
    expect(product?.ratings).toHaveLength(5);
    expect(product?.ratings.reduce((sum, count) => sum + count)).toBe(product?.reviewCount);
    expect(product?.latestReviews).toHaveLength(5);
    expect(product?.alsoReviewed).toHaveLength(4);
    expect(await findProduct(database, PRODUCT_COUNT + 1)).toBeUndefined();
  });
});
