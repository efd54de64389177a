import { tsImport } from 'tsx/esm/api';

/**
 * One real Redis for the whole run, with a database per worker. A server that already runs (CI services, another Redis version) is
 * used instead when SALLYPORT_TEST_REDIS_URL names it; it needs one database per Jest worker.
 *
 * Jest loads this file natively, without the transform of the tests, hence tsImport.
 */
export default async function startSharedRedis() {
  const given = process.env.SALLYPORT_TEST_REDIS_URL;
  if (given) {
    process.env.SALLYPORT_TEST_REDIS = given;
    return;
  }
  const { startRedis } = await tsImport('../../redis-server/src/index.ts', import.meta.url);
  const server = await startRedis({ databases: 64 });
  globalThis[Symbol.for('sallyport.testRedis')] = server;
  process.env.SALLYPORT_TEST_REDIS = server.url;
}
