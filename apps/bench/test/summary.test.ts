import { describe, expect, it } from '@jest/globals';
import { cellsOf, summarize, TITLES, type ScenarioRun, type VariantResult } from '../src/summary.js';

const run = (cpuMicros: number, requestsPerSecond = 1_000): ScenarioRun => ({
  cpuMicros,
  requestsPerSecond,
  redisCpuMicros: 5,
  p50Ms: 2,
  p99Ms: 4,
  rssBytes: 50_000_000,
});
const node = { path: 'node', version: 'v20.0.0', isExpressSlow: true };
const demand = { commands: {}, roundTrips: 0, keys: 0, keyBytes: 0 };

const result = (name: string, micros: number[], server: 'plain' | 'fast' = 'plain'): VariantResult => ({
  variant: { name, server, node },
  demand,
  runs: micros.map((each) => run(each)),
});
const reference = result('express/json', [100, 200, 300]);

describe('summarize()', () => {
  it('forms the ratios within each round, so that a slow machine cancels out', async () => {
    const [, row] = await summarize([reference, result('session/sallyport', [150, 300, 450])]);
    expect(row).toMatchObject({
      label: 'session/sallyport',
      cpuRatio: 1.5,
      cpuSpread: 0,
      cpuMicros: 300,
      isOurs: true,
    });
  });

  it('tells how far apart the rounds are', async () => {
    const [, row] = await summarize([reference, result('session/sallyport', [90, 200, 330])]);
    expect(row?.cpuRatio).toBe(1);
    expect(row?.cpuSpread).toBeCloseTo(0.1);
  });

  it('takes the cost that is added from the baseline on the same server', async () => {
    const fastBase = result('express/json', [40, 80, 120], 'fast');
    const [, , row] = await summarize([reference, fastBase, result('session/sallyport', [90, 180, 270], 'fast')]);
    expect(row).toMatchObject({ label: 'session/sallyport +fast', addedRatio: 0.5, cpuRatio: 0.9 });
  });

  it('compares ours with the cheapest peer of the same subject on the same server', async () => {
    const rows = await summarize([
      reference,
      result('rate-limit/sallyport', [110, 220, 330]),
      result('rate-limit/express-rate-limit', [150, 300, 450]),
      result('rate-limit/rate-limiter-flexible', [120, 240, 360]),
      result('rate-limit/rate-limiter-flexible', [50, 60, 70], 'fast'),
      result('session/connect-redis', [101, 202, 303]),
    ]);
    expect(rows[1]).toMatchObject({ bestPeer: 'rate-limit/rate-limiter-flexible', addedVersusPeer: 0.5 });
    expect(rows[1]?.versusPeer).toBeCloseTo(110 / 120);
    expect(rows[2]).not.toHaveProperty('versusPeer');
  });

  it('adds up the commands', async () => {
    const asking = {
      ...result('stack/sallyport', [100, 200, 300]),
      demand: { ...demand, commands: { evalsha: 2, mget: 1 } },
    };
    const [, row] = await summarize([reference, asking]);
    expect(row).toMatchObject({ commandsPerRequest: 3 });
  });

  it('refuses results without the reference', async () => {
    await expect(summarize([result('session/sallyport', [1])])).rejects.toThrow('express/json was not measured');
  });
});

describe('cellsOf()', () => {
  it('gives a cell per title, the ratio before any absolute figure', async () => {
    const stored = { ...reference, demand: { commands: { get: 2 }, roundTrips: 1, keys: 2, keyBytes: 300 } };
    const [row] = await summarize([stored]);
    if (row === undefined) throw new Error('no row');
    const cells = cellsOf(row);
    expect(cells).toHaveLength(TITLES.length);
    expect(cells.slice(0, 10)).toEqual([
      'express/json',
      '1.00',
      '0.0',
      '0.00',
      '',
      '',
      '2 (2×get)',
      '1',
      '5.0',
      '300 in 2',
    ]);
  });
});
