import { startEmbeddedPostgres } from '../../src/database/start-embedded.js';

/** A process that owns an embedded Postgres and does nothing else. */
export async function run({ cache }: { cache: string }): Promise<{ url: string; storage: string }> {
  const { url, storage } = await startEmbeddedPostgres(cache);
  return { url, storage };
}
