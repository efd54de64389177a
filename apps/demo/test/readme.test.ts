import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { dedicatedRedis, startProcess } from '@sallyport/testkit';
import request from 'supertest';
import { closeAfterTests } from './support/close-after-tests.js';
import { FIRST_START_MS } from './support/shared-database.js';
import { startShop } from './support/shop-process.js';

const root = join(import.meta.dirname, '../../..');
const example = join(import.meta.dirname, 'support/readme-example.ts');

/** The code between the marks `<!-- name:begin -->` and `<!-- name:end -->`. */
async function readmeBlock(name: string): Promise<string> {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const block = new RegExp(`<!-- ${name}:begin -->\\s*\`\`\`\\w+\\n([^]*?)\`\`\``).exec(readme)?.[1];
  if (block === undefined) throw new Error(`README.md has no block "${name}"`);
  return block;
}

describe('the example in the README of the repository', () => {
  it('is the module that the next test runs', async () => {
    expect(await readmeBlock('example')).toBe(await readFile(example, 'utf8'));
  });

  it('limits, remembers who logged in, answers from the cache until a purge, and takes an order once', async () => {
    const redis = await dedicatedRedis();
    const { value: url } = await startProcess<string>({
      module: new URL('./support/readme-process.ts', import.meta.url),
      args: redis.url,
    });
    const client = request.agent(url);

    const first = await client
      .get('/products')
      .expect(200)
      .expect('X-Cache', 'MISS')
      .expect('X-RateLimit-Limit', '100');
    const second = await client.get('/products').expect(200).expect('X-Cache', 'HIT');
    expect(second.body).toEqual(first.body);
    expect(Number(second.get('X-RateLimit-Remaining'))).toBe(98);

    await client.post('/orders').set('Idempotency-Key', '"order-1"').expect(401);
    await client.post('/log-in').expect(200, { user: 'user-1' });
    await client.post('/orders').expect(400);
    const order = await client.post('/orders').set('Idempotency-Key', '"order-1"').expect(201);
    const again = await client.post('/orders').set('Idempotency-Key', '"order-1"').expect(201);
    expect(again.get('Idempotency-Replayed')).toBe('true');
    expect(again.body).toEqual(order.body);

    await client.put('/products/1').expect(204);
    const purged = await client.get('/products').expect('X-Cache', 'MISS');
    expect(purged.body).not.toEqual(first.body);
  });
});

describe('the lines to try in the README of the repository', () => {
  it(
    'show a miss and a hit, a log-in, one order for two requests, and a log-out, in a shell',
    async () => {
      const redis = await dedicatedRedis();
      const shop = await startShop({ REDIS_URL: redis.url });
      const cwd = await mkdtemp(join(tmpdir(), 'sallyport-readme-'));
      closeAfterTests(() => rm(cwd, { recursive: true }));
      const lines = (await readmeBlock('try')).replaceAll('http://localhost:3000', shop.url);
      const { stdout } = await promisify(execFile)('sh', ['-c', lines], { cwd });
      const said = stdout.split(/\r?\n/).filter((line) => !/^HTTP|Reset|Remaining/.test(line));

      const order = expect.stringMatching(/^\{"id":\d+,"totalCents":\d+,/);
      expect(said).toEqual([
        'X-RateLimit-Limit: 300',
        'X-Cache: MISS',
        'X-RateLimit-Limit: 300',
        'X-Cache: HIT',
        '{"id":1,"email":"ada@example.com","name":"Ada"}',
        order,
        'Idempotency-Replayed: true',
        order,
        expect.stringMatching(/^\{"orders":\[\{"id":\d+,[^}]*\}\]\}\]\}$/),
        '204',
        expect.stringMatching(/"status":401/),
        '',
      ]);
    },
    FIRST_START_MS,
  );
});
