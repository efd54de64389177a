/**
 * Opens the shop's database: the embedded one, or with `DATABASE_URL` a real server, which is seeded on first use.
 */
import { type Database, type Queryable, connectDatabase } from './database.js';
import { SCHEMA_NAME } from './schema.js';
import { createAndSeed, seedFingerprint } from './seed.js';
import { startEmbeddedPostgres } from './start-embedded.js';

/** Any number that no other user of the server is likely to lock. */
const SEED_LOCK = 731_505_117;

/** For the one statement that makes 120 000 rows, and for the wait until another shop has done so. */
const SEED_TIMEOUT_MS = 120_000;

/** Where the database is. */
export interface DatabaseOptions {
  /** A Postgres server; the embedded one when omitted. */
  readonly url?: string | undefined;
  /** Directory in which the embedded server keeps its seeded template. */
  readonly cache: string;
  /** Receives the errors of idle connections. */
  readonly onError?: (error: Error) => void;
  /** Runs when the embedded server has ended by itself: nothing brings it back. */
  readonly onLost?: () => void;
}

/** An open database, and the address under which others (a second shop, `psql`) can reach it. */
export interface OpenDatabase extends Database {
  readonly url: string;
  readonly kind: 'embedded' | 'server';
}

/**
 * The embedded database begins in the seeded state at every start. A server keeps its orders.
 *
 * @throws {Error} when the server holds an older seed: it is yours, so it is not dropped without being asked.
 */
export async function openDatabase({ url, cache, onError, onLost }: DatabaseOptions): Promise<OpenDatabase> {
  const report = onError === undefined ? {} : { onError };
  if (url === undefined) {
    const server = await startEmbeddedPostgres(cache, onLost);
    const database = connectDatabase(server.url, { ...report, onClose: () => server.stop() });
    return { ...database, url: server.url, kind: 'embedded' };
  }
  // A small server lets nobody in while another shop seeds it.
  const seeding = connectDatabase(url, { queryTimeoutMs: SEED_TIMEOUT_MS, connectTimeoutMs: SEED_TIMEOUT_MS });
  try {
    await seeding.transaction(seedOnce);
  } finally {
    await seeding.close();
  }
  return { ...connectDatabase(url, report), url, kind: 'server' };
}

async function seedOnce(transaction: Queryable): Promise<void> {
  // Two shops that start at once on a new server: one seeds, the other waits and finds it done.
  await transaction.query('SELECT pg_advisory_xact_lock($1)', [SEED_LOCK]);
  const [found] = await transaction.query('SELECT to_regnamespace($1)::text AS name', [SCHEMA_NAME]);
  if (found?.['name'] === null) {
    await createAndSeed(transaction);
    await transaction.query(`ANALYZE ${SCHEMA_NAME}.reviews, ${SCHEMA_NAME}.products`);
    return;
  }
  const [seed] = await transaction.query(`SELECT fingerprint FROM ${SCHEMA_NAME}.seed`);
  if (seed?.['fingerprint'] !== seedFingerprint()) {
    throw new Error(
      `DATABASE_URL holds the data of another version of the shop. Remove it with "DROP SCHEMA ${SCHEMA_NAME} CASCADE" and start again.`,
    );
  }
}
