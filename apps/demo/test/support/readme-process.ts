import type { AddressInfo } from 'node:net';
import type { ProcessContext } from '@sallyport/testkit';

/** Serves the README's example as a reader would: settings from the environment, a port of its own. */
export async function run(redisUrl: string, { ready }: ProcessContext): Promise<void> {
  process.env['REDIS_URL'] = redisUrl;
  process.env['SESSION_SECRET'] = 'a secret of at least thirty-two bytes';
  const { app } = await import('./readme-example.js');
  const server = app.listen(0, '127.0.0.1', () => {
    ready(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  await new Promise(() => undefined);
}
