import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { dedicatedRedis, startProcess } from '@sallyport/testkit';
import request from 'supertest';

const root = join(import.meta.dirname, '../../..');
const example = join(import.meta.dirname, 'support/readme-example.ts');

describe('the example in the README of the repository', () => {
  it('is the module that the next test runs', () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    const shown = /<!-- example:begin -->\s*```ts\n([\s\S]*?)```/.exec(readme)?.[1];
    expect(shown).toBe(readFileSync(example, 'utf8'));
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
