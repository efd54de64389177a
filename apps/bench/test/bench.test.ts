import { describe, expect, it } from '@jest/globals';
import { runBench } from '../src/bench.js';
import { findNode } from '../src/node-binary.js';
import { variantsOf } from '../src/variant.js';

const shortest = { rounds: 1, warmUpMs: 50, warmUpRequests: 1, sliceMs: 50, slices: 2 };

describe('runBench()', () => {
  it('measures each variant in processes of its own, and counts what it asks of Redis', async () => {
    const steps: string[] = [];
    const all = await variantsOf('session/connect', [findNode(process.execPath)]);
    const variants = all.filter(({ name, server }) => name === 'session/connect-redis' || server === 'plain');
    const rows = await runBench({ ...shortest, variants, onProgress: (step) => steps.push(step) });
    expect(rows[0]).toMatchObject({ label: 'express/json', cpuRatio: 1, commands: {}, roundTrips: 0, keys: 0 });
    expect(rows[1]).toMatchObject({ commands: { get: 1, expire: 1 }, commandsPerRequest: 2, roundTrips: 2, keys: 1 });
    for (const row of rows) {
      for (const figure of ['cpuMicros', 'requestsPerSecond', 'p50Ms', 'p99Ms', 'rssBytes', 'cpuRatio'] as const) {
        expect({ label: row.label, figure, isPositive: row[figure] > 0 }).toHaveProperty('isPositive', true);
      }
    }
    expect(steps.filter((step) => step.startsWith('probe'))).toHaveLength(2);
    expect(steps.filter((step) => step.startsWith('round 1 of 1'))).toHaveLength(2);
  }, 120_000);
});

describe('variantsOf()', () => {
  const [slow, mended] = [
    { path: 'a', version: 'v20.0.0', isExpressSlow: true },
    { path: 'b', version: 'v24.0.0', isExpressSlow: false },
  ];
  const labels = async (only: string | undefined, node: typeof slow) =>
    (await variantsOf(only, [node])).map(({ name, server }) => `${name} ${server}`);

  it('adds the reference and the baselines', async () => {
    expect(await labels('idempotency/sallyport', slow)).toEqual([
      'express/json plain',
      'express/json fast',
      'express/post fast',
      'idempotency/sallyport fast',
    ]);
  });

  it('takes both servers only where they differ', async () => {
    expect(await labels('stack/peers', slow)).toEqual(
      expect.arrayContaining(['stack/peers plain', 'stack/peers fast']),
    );
    expect(await labels('stack/peers', mended)).toEqual([
      'express/json plain',
      'express/json fast',
      'stack/peers plain',
    ]);
  });
});

describe('findNode()', () => {
  it('knows the Node at a path', () => {
    expect(findNode(process.execPath)).toMatchObject({ path: process.execPath, version: process.version });
  });

  it('refuses a path without one', () => {
    expect(() => findNode('/no/such/node')).toThrow('--node');
  });
});
