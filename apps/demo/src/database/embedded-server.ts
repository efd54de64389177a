/**
 * The embedded Postgres, as a process of its own: PGlite runs queries synchronously, and a 100 ms aggregate inside the
 * shop's process would stop every other request for as long.
 *
 * Started by `startEmbeddedPostgres()` with an IPC channel. Sends `{ port }` once it accepts connections on 127.0.0.1,
 * or `{ error }`. Stops, and removes its data, when the channel closes: also when the shop was killed.
 */
import { rmSync } from 'node:fs';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import { copyTemplate } from './data-template.js';
import { createAndSeed, seedFingerprint } from './seed.js';
import { TurnQueue } from './turn-queue.js';

/** What the server tells its parent, once. */
export type EmbeddedServerMessage =
  { readonly port: number; readonly storage: 'disk' | 'memory' } | { readonly error: string };

const MAX_CONNECTIONS = 64;
/** The smallest write-ahead log that Postgres offers, because every start copies it. */
const SMALL_LOG = {
  initDbStartParams: ['--wal-segsize=1'],
  postgresqlconf: ['min_wal_size = 2MB', 'max_wal_size = 2MB'],
};

const cache = process.argv[2];
if (cache === undefined || process.send === undefined) throw new Error('Start it with startEmbeddedPostgres().');

// Ctrl-C reaches the whole process group; the shop decides when its database may go.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);

try {
  const { database, directory } = await openDatabase(cache);
  const server = new PGLiteSocketServer({ db: database, host: '127.0.0.1', port: 0, maxConnections: MAX_CONNECTIONS });
  // The library's own queue mixes the messages of two connections; it has no option for another one.
  Object.assign(server, { queryQueue: new TurnQueue(database) });
  await server.start();
  const stop = async (): Promise<void> => {
    await server.stop();
    await database.close();
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
    process.exit();
  };
  if (!process.connected) await stop();
  process.once('disconnect', () => void stop());
  const port = Number(server.getServerConn().split(':').pop());
  report({ port, storage: directory === undefined ? 'memory' : 'disk' });
} catch (error) {
  report({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  process.exitCode = 1;
  process.disconnect();
}

/** The seeded database: a copy of the template, or seeded in memory where nothing can be written. */
async function openDatabase(cache: string): Promise<{ database: PGlite; directory?: string }> {
  let directory: string;
  try {
    directory = await copyTemplate(cache, `${seedFingerprint()}-${process.arch}`, buildTemplate);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Only a cache that cannot be written has another way out; a broken seed must be seen.
    if (code !== 'EACCES' && code !== 'EROFS' && code !== 'ENOSPC' && code !== 'EPERM' && code !== 'ENOTDIR')
      throw error;
    const database = await PGlite.create({ relaxedDurability: true });
    await seed(database);
    return { database };
  }
  return { database: await PGlite.create({ dataDir: directory, relaxedDurability: true }), directory };
}

/** Initialises and seeds a data directory; closed in order, so that opening a copy needs no recovery. */
async function buildTemplate(directory: string): Promise<void> {
  const database = await PGlite.create({ dataDir: directory, relaxedDurability: true, ...SMALL_LOG });
  await seed(database);
  await database.close();
}

/** Fills the database, then leaves it as Postgres likes it: with statistics and an empty log. */
async function seed(database: PGlite): Promise<void> {
  await database.transaction((transaction) =>
    createAndSeed({
      query: async <Row>(text: string, params?: readonly unknown[]) =>
        (await transaction.query<Row>(text, params === undefined ? [] : [...params])).rows,
    }),
  );
  await database.exec('VACUUM ANALYZE');
  await database.exec('CHECKPOINT');
}

/** Tells the parent. */
function report(message: EmbeddedServerMessage): void {
  process.send?.(message);
}
