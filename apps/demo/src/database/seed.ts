/**
 * Fills an empty database: the products from `catalogue.ts`, and reviews that Postgres itself generates from integer
 * arithmetic. One statement for 120 000 rows takes half a second; sending them would take many times that.
 *
 * Popular products get most of the reviews (the square of a uniform number), as in a real shop.
 */
import { createHash } from 'node:crypto';
import { hashPassword } from '../passwords.js';
import { CUSTOMERS, REVIEWER_COUNT, REVIEW_COUNT, PRODUCT_COUNT, generateProducts } from './catalogue.js';
import { REVIEW_ENDINGS, REVIEW_OPENINGS } from './catalogue-words.js';
import type { Queryable } from './database.js';
import { SCHEMA_NAME, SCHEMA_STATEMENTS } from './schema.js';

/** Raise it when code that the fingerprint does not see (password hashing) changes what is seeded. */
const SEED_VERSION = 1;

// A 31-bit multiplier keeps every product inside bigint. The two rounds break up the pattern of consecutive numbers.
const CREATE_MIX = `CREATE FUNCTION pg_temp.mix(n bigint, salt bigint) RETURNS bigint IMMUTABLE LANGUAGE sql AS $$
  SELECT (((n * 1640531527 + salt * 40503) % 4294967296) # (((n * 1640531527 + salt * 40503) % 4294967296) >> 15))
         * 1540483477 % 4294967296 >> 8
$$`;
const MIX_BOUND = 2 ** 24;

const INSERT_REVIEWS = `INSERT INTO ${SCHEMA_NAME}.reviews (product_id, reviewer, rating, body, written_on)
  SELECT 1 + (pg_temp.mix(n, 1) * pg_temp.mix(n, 1) / ${MIX_BOUND} * ${PRODUCT_COUNT} / ${MIX_BOUND})::int,
         'reader' || pg_temp.mix(n, 2) % ${REVIEWER_COUNT},
         5 - (pg_temp.mix(n, 3) * pg_temp.mix(n, 3) / ${MIX_BOUND} * 5 / ${MIX_BOUND})::int,
         ($1::text[])[1 + pg_temp.mix(n, 4) % ${REVIEW_OPENINGS.length}] || ' ' ||
         ($2::text[])[1 + pg_temp.mix(n, 5) % ${REVIEW_ENDINGS.length}],
         date '2024-01-01' + (n * 365 / ${REVIEW_COUNT})::int
  FROM generate_series(1, ${REVIEW_COUNT}) AS n`;

const INSERT_PRODUCTS = `INSERT INTO ${SCHEMA_NAME}.products (id, sku, name, category, description, price_cents, stock)
  SELECT * FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::int[])`;

/** Changes whenever the schema or anything that is seeded changes; names the prepared data directory. */
export function seedFingerprint(): string {
  const everything = [SEED_VERSION, SCHEMA_STATEMENTS, CREATE_MIX, INSERT_REVIEWS, INSERT_PRODUCTS, CUSTOMERS];
  return createHash('sha256')
    .update(JSON.stringify([...everything, REVIEW_OPENINGS, REVIEW_ENDINGS, generateProducts()]))
    .digest('hex')
    .slice(0, 16);
}

/** Creates the schema and fills it. The caller runs it in a transaction, so that it happens whole or not at all. */
export async function createAndSeed(database: Queryable): Promise<void> {
  for (const statement of SCHEMA_STATEMENTS) await database.query(statement);
  await database.query(CREATE_MIX);
  const products = generateProducts();
  const column = <K extends keyof (typeof products)[number]>(name: K) => products.map((product) => product[name]);
  await database.query(INSERT_PRODUCTS, [
    column('id'),
    column('sku'),
    column('name'),
    column('category'),
    column('description'),
    column('priceCents'),
    column('stock'),
  ]);
  await database.query(INSERT_REVIEWS, [REVIEW_OPENINGS, REVIEW_ENDINGS]);
  for (const { id, email, name } of CUSTOMERS) {
    // A salt from the id keeps the seed the same in every run. Real accounts get a random one.
    const hash = await hashPassword('demo', createHash('sha256').update(`customer ${id}`).digest().subarray(0, 16));
    await database.query(`INSERT INTO ${SCHEMA_NAME}.customers VALUES ($1, $2, $3, $4)`, [id, email, name, hash]);
  }
  await database.query(`INSERT INTO ${SCHEMA_NAME}.seed VALUES ($1)`, [seedFingerprint()]);
}
