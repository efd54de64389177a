import { readConfig } from '../../src/config.js';
import { type OpenDatabase, openDatabase } from '../../src/database/open-database.js';
import { closeAfterTests } from './close-after-tests.js';

/**
 * An embedded database of the test file's own, in the seeded state. Its `url` may be given to a second shop. The template
 * is the one that `npm start` uses, so only the first run on a machine pays for the seeding.
 */
export async function embeddedDatabase(): Promise<OpenDatabase> {
  const database = await openDatabase({ cache: readConfig({}).cacheDirectory });
  closeAfterTests(() => database.close());
  return database;
}

/** Long enough for the first run, which initialises Postgres and seeds it while other test files run. */
export const FIRST_START_MS = 90_000;
