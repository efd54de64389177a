import { describe, expect, it } from '@jest/globals';
import { connect } from '@sallyport/testkit';
import { Cluster } from 'ioredis';
import { isRedisClient, masterClients, type RedisClient } from '../src/index.js';

describe('isRedisClient()', () => {
  it('accepts Redis and Cluster of ioredis, which also satisfy the type', () => {
    const cluster = new Cluster([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true });
    const clients: RedisClient[] = [connect({ lazyConnect: true }), cluster];
    expect(clients.map(isRedisClient)).toEqual([true, true]);
  });

  it.each([
    ['undefined', undefined],
    ['null', null],
    ['a URL', 'redis://127.0.0.1'],
    ['connection settings', { host: '127.0.0.1', port: 6379 }],
    ['a node-redis client, which has no call()', { isOpen: true, sendCommand: () => undefined, on: () => undefined }],
    ['a function', () => undefined],
  ])('refuses %s', (_name, value) => {
    expect(isRedisClient(value)).toBe(false);
  });
});

describe('masterClients()', () => {
  it('gives a single client itself', () => {
    const redis = connect({ lazyConnect: true });
    expect(masterClients(redis)).toEqual([redis]);
  });
});
