/**
 * The shop's one way to Postgres: a pool of `pg` connections, to the embedded server or to the one of `DATABASE_URL`.
 * It adds what `pg` leaves to its user: rows only, a time limit for every query, transactions that always give their
 * connection back, and a readiness probe that answers in a bounded time.
 */
import { DatabaseError, Pool, type PoolClient, type QueryConfig } from 'pg';

/** Runs one statement. Values go in `params` only, never into the text. */
export interface Queryable {
  query<Row = Record<string, unknown>>(text: string, params?: readonly unknown[]): Promise<Row[]>;
}

/** The open database. */
export interface Database extends Queryable {
  /** Runs `work` in one transaction: committed when it resolves, rolled back when it rejects. */
  transaction<Result>(work: (transaction: Queryable) => Promise<Result>): Promise<Result>;
  /** Whether the database answers within a second. */
  isReady(): Promise<boolean>;
  /** Ends every connection, and the embedded server if this is one. Safe to call twice. */
  close(): Promise<void>;
}

/** Settings of a connection pool. */
export interface ConnectOptions {
  /** How long one query may take. @default 10 000 */
  readonly queryTimeoutMs?: number;
  /** How long the server may take to accept a connection, ms. @default 5000 */
  readonly connectTimeoutMs?: number;
  /** Runs after the last connection has ended. */
  readonly onClose?: () => Promise<void>;
  /** Receives the errors of idle connections. */
  readonly onError?: (error: Error) => void;
}

/** Thrown when the database cannot be reached or does not answer; an error in a statement is not one of these. */
export class DatabaseUnavailableError extends Error {
  readonly code = 'ERR_DEMO_DATABASE_UNAVAILABLE';
  readonly status = 503;

  constructor(cause: unknown) {
    super('The database is not available', { cause });
  }
}

const QUERY_TIMEOUT_MS = 10_000;
/** Also how long a request waits for one of the pool's connections to become free. */
const CONNECT_TIMEOUT_MS = 5000;
const READY_TIMEOUT_MS = 1000;

/**
 * Connects to a Postgres server. Nothing is sent until the first query.
 *
 * @param url `postgres://user:password@host:port/database`.
 */
export function connectDatabase(url: string, options: ConnectOptions = {}): Database {
  const { queryTimeoutMs = QUERY_TIMEOUT_MS, connectTimeoutMs = CONNECT_TIMEOUT_MS, onClose, onError } = options;
  const pool = new Pool({
    connectionString: url,
    max: 8,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: queryTimeoutMs,
    application_name: 'sallyport-demo',
  });
  // An idle connection that breaks is reported here and replaced by the pool; without a listener it ends the process.
  pool.on('error', (error) => onError?.(error));
  let closing: Promise<void> | undefined;
  return {
    query: (text, params) => run(pool, text, params),

    async transaction(work) {
      const client = await pool.connect().catch((error: unknown) => {
        throw classify(error);
      });
      let broken: Error | undefined;
      // Between two queries nobody else listens, and an error without a listener ends the process. The next query rejects.
      const onBreak = (error: Error) => (broken = error);
      client.on('error', onBreak);
      try {
        await run(client, 'BEGIN');
        const result = await work({ query: (text, params) => run(client, text, params) });
        await run(client, 'COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK').catch((rollbackError: Error) => (broken = rollbackError));
        throw error;
      } finally {
        client.off('error', onBreak);
        // A connection that is broken or cannot even roll back is not given to anyone else.
        client.release(broken);
      }
    },

    async isReady() {
      try {
        await pool.query({ text: 'SELECT 1', query_timeout: READY_TIMEOUT_MS } as QueryConfig);
        return true;
      } catch {
        // Whatever the reason, the answer to "is it ready" is no; the reason shows in the requests' own logs.
        return false;
      }
    },

    close() {
      closing ??= pool.end().then(() => onClose?.());
      return closing;
    },
  };
}

async function run<Row>(target: Pool | PoolClient, text: string, params: readonly unknown[] = []): Promise<Row[]> {
  try {
    const { rows } = await target.query(text, [...params]);
    return rows as Row[];
  } catch (error) {
    throw classify(error);
  }
}

/** SQLSTATE classes 08 (connection), 53 (resources) and 57 (operator intervention) say that the server cannot serve. */
const OUTAGE = /^(08|53|57)/;

function classify(error: unknown): unknown {
  const isFromServer = error instanceof DatabaseError;
  return isFromServer && !OUTAGE.test(error.code ?? '') ? error : new DatabaseUnavailableError(error);
}
