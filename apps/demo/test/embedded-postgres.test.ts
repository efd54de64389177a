import { readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { startProcess, until } from '@sallyport/testkit';
import { readConfig } from '../src/config.js';
import { connectDatabase } from '../src/database/database.js';
import { startEmbeddedPostgres } from '../src/database/start-embedded.js';
import { closeAfterTests } from './support/close-after-tests.js';
import { FIRST_START_MS } from './support/shared-database.js';

const COUNT = 'SELECT count(*)::int AS count FROM sallyport_demo.reviews';
const module = new URL('./support/database-owner.ts', import.meta.url);
const cache = readConfig({}).cacheDirectory;

function connectedTo(url: string) {
  const database = connectDatabase(url);
  closeAfterTests(() => database.close());
  return database;
}

describe('startEmbeddedPostgres()', () => {
  it(
    'ends with its parent and removes its data, also when the parent is killed with −9',
    async () => {
      const before = new Set(readdirSync(cache));
      const owner = await startProcess<{ url: string; storage: string }>({
        module,
        args: { cache },
        timeoutMs: FIRST_START_MS,
      });
      expect(owner.value.storage).toBe('disk');
      const database = connectedTo(owner.value.url);
      expect(await database.query(COUNT)).toStrictEqual([{ count: 120_000 }]);
      const added = readdirSync(cache).filter((name) => name.startsWith('run-') && !before.has(name));
      await owner.kill('SIGKILL');
      await until(async () => !(await database.isReady()), { timeoutMs: 10_000 });
      await until(() => !readdirSync(cache).some((name) => added.includes(name)), { timeoutMs: 10_000 });
    },
    FIRST_START_MS,
  );

  it(
    'seeds in memory when the cache cannot be written',
    async () => {
      // A path below a file: nobody can create that, not even the superuser, whom permissions do not stop.
      const server = await startEmbeddedPostgres(`${import.meta.filename}/cache`);
      closeAfterTests(() => server.stop());
      expect(server.storage).toBe('memory');
      expect(await connectedTo(server.url).query(COUNT)).toStrictEqual([{ count: 120_000 }]);
    },
    FIRST_START_MS,
  );

  it(
    'tells its owner when it is lost, and not when it is stopped',
    async () => {
      const losses: string[] = [];
      const stopped = await startEmbeddedPostgres(cache, () => losses.push('stopped'));
      await stopped.stop();
      await stopped.stop();
      const lost = await startEmbeddedPostgres(cache, () => losses.push('lost'));
      process.kill(lost.pid, 'SIGKILL');
      await until(() => losses.length > 0);
      expect(losses).toStrictEqual(['lost']);
    },
    FIRST_START_MS,
  );
});
