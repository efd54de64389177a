import { beforeAll, describe, expect, it } from '@jest/globals';
import { until, within } from '@sallyport/testkit';
import { Client } from 'pg';
import { type Database, DatabaseUnavailableError, connectDatabase } from '../src/database/database.js';
import { type OpenDatabase, openDatabase } from '../src/database/open-database.js';
import { closeAfterTests } from './support/close-after-tests.js';
import { FIRST_START_MS, embeddedDatabase } from './support/shared-database.js';

const STOCK = 'SELECT stock FROM sallyport_demo.products WHERE id = $1';
const TAKE_ONE = 'UPDATE sallyport_demo.products SET stock = stock - 1 WHERE id = $1';

let database: OpenDatabase;
let neighbour: Database;
beforeAll(async () => {
  database = await embeddedDatabase();
  // As a second shop on the same database would be.
  neighbour = connectDatabase(database.url);
  closeAfterTests(() => neighbour.close());
}, FIRST_START_MS);

const stockOf = async (id: number) => (await database.query<{ stock: number }>(STOCK, [id]))[0]?.stock;

describe('connectDatabase()', () => {
  it('gives each of many concurrent queries of two clients its own answer', async () => {
    const questions = Array.from({ length: 120 }, (_, index) => {
      const numbers = Array.from({ length: 1 + (index % 4) }, (_, position) => index * 10 + position);
      const sum = numbers.map((_, position) => `$${position + 1}::int`).join(' + ');
      const client = index % 2 === 0 ? database : neighbour;
      return client
        .query<{ sum: number }>(`SELECT ${sum} AS sum`, numbers)
        .then(([row]) => row?.sum === numbers.reduce((total, number) => total + number));
    });
    expect((await Promise.all(questions)).filter((isRight) => !isRight)).toHaveLength(0);
  });

  it('keeps a transaction whole: nobody else gets in between', async () => {
    const before = await stockOf(1);
    const readAndWrite = (client: Database) =>
      client.transaction(async (transaction) => {
        const [row] = await transaction.query<{ stock: number }>(STOCK, [1]);
        await transaction.query('UPDATE sallyport_demo.products SET stock = $2 WHERE id = $1', [
          1,
          (row?.stock ?? 0) + 1,
        ]);
      });
    await Promise.all(Array.from({ length: 10 }, (_, index) => readAndWrite(index % 2 === 0 ? database : neighbour)));
    expect(await stockOf(1)).toBe((before ?? 0) + 10);
  });

  it('rolls back when the work rejects, and rejects with the same error', async () => {
    const before = await stockOf(2);
    const failure = new Error('changed my mind');
    const work = database.transaction(async (transaction) => {
      await transaction.query(TAKE_ONE, [2]);
      throw failure;
    });
    await expect(work).rejects.toBe(failure);
    expect(await stockOf(2)).toBe(before);
  });

  it('goes on for the others when a client vanishes in the middle of a transaction', async () => {
    const before = await stockOf(3);
    const client = new Client({ connectionString: database.url });
    client.on('error', () => undefined);
    await client.connect();
    await client.query('BEGIN');
    await client.query(TAKE_ONE, [3]);
    (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
    await until(async () => (await stockOf(3)) === before);
    await expect(neighbour.query('SELECT 1 AS one')).resolves.toStrictEqual([{ one: 1 }]);
  });

  it('tells an error in a statement from a database that is not there', async () => {
    await expect(database.query('SELECT * FROM nowhere')).rejects.toMatchObject({ code: '42P01' });
    const nobody = connectDatabase('postgres://nobody@127.0.0.1:1/none');
    await expect(nobody.query('SELECT 1')).rejects.toBeInstanceOf(DatabaseUnavailableError);
    await expect(nobody.transaction(async () => undefined)).rejects.toMatchObject({
      code: 'ERR_DEMO_DATABASE_UNAVAILABLE',
      status: 503,
    });
    expect(await nobody.isReady()).toBe(false);
    expect(await database.isReady()).toBe(true);
    await nobody.close();
  });
});

describe('openDatabase()', () => {
  it('uses the data of DATABASE_URL as it is when it was seeded before', async () => {
    const [before] = await database.query('SELECT count(*)::int AS count FROM sallyport_demo.reviews');
    const second = await openDatabase({ url: database.url, cache: '/nowhere' });
    expect(second.kind).toBe('server');
    expect(await second.query('SELECT count(*)::int AS count FROM sallyport_demo.reviews')).toStrictEqual([before]);
    await second.close();
  });

  it('refuses the data of another version and does not touch it', async () => {
    const fingerprint = `SELECT fingerprint FROM sallyport_demo.seed`;
    const [seed] = await database.query<{ fingerprint: string }>(fingerprint);
    await database.query(`UPDATE sallyport_demo.seed SET fingerprint = 'older'`);
    await expect(openDatabase({ url: database.url, cache: '/nowhere' })).rejects.toThrow(
      'DROP SCHEMA sallyport_demo CASCADE',
    );
    expect(await database.query(fingerprint)).toStrictEqual([{ fingerprint: 'older' }]);
    await database.query('UPDATE sallyport_demo.seed SET fingerprint = $1', [seed?.fingerprint]);
  });

  it(
    'seeds an empty server once, also when two shops start at the same time',
    async () => {
      const [seeded] = await database.query('SELECT count(*)::int AS count FROM sallyport_demo.reviews');
      await database.query('ALTER SCHEMA sallyport_demo RENAME TO set_aside');
      const options = { url: database.url, cache: '/nowhere' };
      const shops = await Promise.all([openDatabase(options), openDatabase(options)]);
      expect(await database.query('SELECT count(*)::int AS count FROM sallyport_demo.reviews')).toStrictEqual([seeded]);
      expect(await database.query('SELECT count(*)::int AS count FROM sallyport_demo.seed')).toStrictEqual([
        { count: 1 },
      ]);
      await Promise.all(shops.map((shop) => shop.close()));
    },
    FIRST_START_MS,
  );

  it('closes twice without complaint, and stops the embedded server', async () => {
    const own = await embeddedDatabase();
    await own.close();
    await own.close();
    const late = connectDatabase(own.url);
    await within(5000, late.isReady());
    expect(await late.isReady()).toBe(false);
    await late.close();
  });
});
