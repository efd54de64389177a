import { describe, expect, it } from '@jest/globals';
import { cellsOf, summarize, TITLES, type ScenarioRun } from '../src/summary.js';

const run = (cpuMicros: number, requestsPerSecond = 1_000): ScenarioRun => ({
  cpuMicros,
  requestsPerSecond,
  redisCpuMicros: 5,
  p50Ms: 2,
  p99Ms: 4,
  rssBytes: 50_000_000,
});
const noDemand = { commands: {}, roundTrips: 0 };
const reference = { name: 'ref', demand: noDemand, runs: [run(100), run(200), run(300)] };

describe('summarize()', () => {
  it('forms the ratios within each round, so that a slow machine cancels out', () => {
    const other = { name: 'other', demand: noDemand, runs: [run(150), run(300), run(450)] };
    const [, row] = summarize([reference, other], 'ref');
    expect(row).toMatchObject({ cpuRatio: 1.5, cpuSpread: 0, cpuMicros: 300 });
  });

  it('tells how far apart the rounds are', () => {
    const other = { name: 'other', demand: noDemand, runs: [run(90), run(200), run(330)] };
    const [, row] = summarize([reference, other], 'ref');
    expect(row?.cpuRatio).toBe(1);
    expect(row?.cpuSpread).toBeCloseTo(0.1);
  });

  it('gives the reference the ratio 1', () => {
    expect(summarize([reference], 'ref')[0]).toMatchObject({ cpuRatio: 1, throughputRatio: 1, cpuSpread: 0 });
  });

  it('adds up the commands', () => {
    const demand = { commands: { evalsha: 2, mget: 1 }, roundTrips: 3 };
    const [, row] = summarize([reference, { name: 'other', demand, runs: reference.runs }], 'ref');
    expect(row).toMatchObject({ commandsPerRequest: 3, roundTrips: 3 });
  });

  it('refuses results without the reference', () => {
    expect(() => summarize([reference], 'another')).toThrow('another was not measured');
  });
});

describe('cellsOf()', () => {
  it('gives a cell per title, the ratio before any absolute figure', () => {
    const demand = { commands: { evalsha: 2, mget: 1 }, roundTrips: 3 };
    const [row] = summarize([{ ...reference, demand }], 'ref');
    if (row === undefined) throw new Error('no row');
    const cells = cellsOf(row);
    expect(cells).toHaveLength(TITLES.length);
    expect(cells.slice(0, 5)).toEqual(['ref', '1.00', '0.0', '3 (2×evalsha 1×mget)', '3']);
  });
});
