import { describe, expect, it } from '@jest/globals';
import { redisUrl, runProcesses, uniquePrefix } from '@sallyport/testkit';
import type { LineReport, Turn } from './line-worker.js';

// The order of the line over processes. The bounds in milliseconds are those of the full form, on a machine of its own.

const isFull = process.env['SALLYPORT_TEST'] === 'full';

/** (Σx)² / (n Σx²): 1 when all have the same. */
function jain(counts: readonly number[]): number {
  const sum = counts.reduce((total, count) => total + count, 0);
  return sum ** 2 / (counts.length * counts.reduce((total, count) => total + count ** 2, 0));
}

/** Turns that were taken before one whose place in the line was known when they had not even asked. */
function overtakesIn(turns: readonly Turn[]): number {
  let overtakes = 0;
  for (const [index, turn] of turns.entries()) {
    for (let before = Math.max(0, index - 200); before < index; before += 1) {
      if (Number(turns[before]?.askedAt) > turn.placedBy) overtakes += 1;
    }
  }
  return overtakes;
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
}

describe('64 waiters in 4 processes', () => {
  it('take turns in the order in which they came, and all as often', async () => {
    const module = new URL('./line-worker.ts', import.meta.url);
    const args = {
      url: redisUrl(),
      prefix: uniquePrefix('line'),
      waiters: 16,
      forMs: isFull ? 10_000 : 1_500,
      holdMs: 0,
    };
    const reports = await runProcesses<LineReport>({ module, count: 4, args, timeoutMs: 90_000 });
    const waiters = reports.flatMap(({ waiters: each }) => each);
    const turns = waiters.flat().toSorted((a, b) => a.token - b.token);
    expect(waiters).toHaveLength(64);
    expect(turns.length).toBeGreaterThan(128);
    expect(turns.every(({ placedBy }) => placedBy > 0)).toBe(true);
    expect(overtakesIn(turns)).toBe(0);
    for (const [index, { grantedAt }] of turns.entries()) {
      if (index > 0) expect(grantedAt).toBeGreaterThan(Number(turns[index - 1]?.releasedAt));
    }
    // What the last, unfinished round adds is at most one turn.
    const counts = waiters.map(({ length }) => length);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(isFull ? 3 : 2);
    expect(jain(counts)).toBeGreaterThan(isFull ? 0.99 : 0.9);
    // Ask, come when called, release; beats are for processes and time.
    const scripts = reports.reduce((sum, report) => sum + report.scripts, 0);
    const seconds = (Number(turns.at(-1)?.releasedAt) - Number(turns[0]?.askedAt)) / 1_000;
    expect(scripts).toBeLessThanOrEqual(3 * turns.length + 4 * 3 * seconds + 16);
    const wakeUps = turns.slice(1).map(({ grantedAt }, index) => grantedAt - Number(turns[index]?.releasedAt));
    const figures = {
      turns: turns.length,
      p50: quantile(wakeUps, 0.5),
      p99: quantile(wakeUps, 0.99),
      jain: jain(counts),
    };
    if (isFull) process.stderr.write(`${JSON.stringify({ ...figures, scripts: scripts / turns.length })}\n`);
    expect(figures.p50).toBeLessThan(50);
  }, 100_000);
});
