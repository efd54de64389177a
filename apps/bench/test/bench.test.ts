import { describe, expect, it } from '@jest/globals';
import { runBench } from '../src/bench.js';

const shortest = { rounds: 1, warmUpMs: 50, sliceMs: 50, slices: 2 };

describe('runBench()', () => {
  it('measures each scenario in processes of its own', async () => {
    const steps: string[] = [];
    const scenarios = ['express/json', 'stack/sallyport'];
    const onProgress = (step: string) => void steps.push(step);
    const rows = await runBench({ ...shortest, scenarios, reference: 'express/json', onProgress });
    expect(rows.map(({ name }) => name)).toEqual(scenarios);
    expect(rows[0]).toMatchObject({ cpuRatio: 1, commands: {}, commandsPerRequest: 0, roundTrips: 0 });
    expect(rows[1]?.commandsPerRequest).toBeGreaterThan(0);
    expect(rows[1]?.roundTrips).toBeGreaterThan(0);
    for (const row of rows) {
      for (const figure of ['cpuMicros', 'requestsPerSecond', 'p50Ms', 'p99Ms', 'rssBytes', 'cpuRatio'] as const) {
        expect({ name: row.name, figure, isPositive: row[figure] > 0 }).toHaveProperty('isPositive', true);
      }
    }
    expect(steps.toSorted()).toEqual(
      [
        'probe: express/json',
        'probe: stack/sallyport',
        'round 1 of 1: express/json',
        'round 1 of 1: stack/sallyport',
      ].toSorted(),
    );
  }, 120_000);

  it('refuses an unknown scenario before it starts anything', async () => {
    const steps: string[] = [];
    const onProgress = (step: string) => void steps.push(step);
    const run = runBench({ ...shortest, scenarios: ['no/such'], reference: 'express/json', onProgress });
    await expect(run).rejects.toThrow('There is no scenario no/such');
    expect(steps).toEqual([]);
  });
});
