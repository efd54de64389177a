import { describe, expect, it } from '@jest/globals';
import { connect, uniquePrefix } from '@sallyport/testkit';
import { CALL_MS } from '../../src/scripts/queue.js';
import { BEAT_MS } from '../../src/waiting.js';
import { play, type Faults, type Outcome, type Plan, type Stay } from './scenario.js';

// Random schedules of the real scripts and the real waiting room on virtual time; a schedule that fails is named by its
// seed, and the same seed plays it again.

const redis = connect();
const isFull = process.env['SALLYPORT_TEST'] === 'full';
const schedules = isFull ? 400 : 15;
const kinds = ['exclusive', 'semaphore', 'read-write'] as const;

/** Two requests and two answers on the way, and a command that was sent again. */
const NETWORK_MS = 60;

/** Leases that were held at the same time although one of them does not tolerate so many. */
function clashes(all: readonly Stay[]): string[] {
  const found: string[] = [];
  // One that was over at once has no time in common with any.
  const stays = all.filter(({ from, until }) => until > from);
  for (const stay of stays) {
    const others = stays.filter((other) => other !== stay && other.from <= stay.from && other.until > stay.from);
    const most = others.length + 1;
    const isAlone = others.some(({ limit }) => limit === 1);
    if (most > stay.limit || isAlone) found.push(`${most} at ${stay.from}, limit ${stay.limit}`);
  }
  return found;
}

async function playAll(kind: Plan['kind'], faults: Faults, look: (outcome: Outcome, seed: number) => void) {
  const prefix = uniquePrefix('queue-model');
  for (let index = 1; index <= schedules; index += 1) {
    const seed = index * 7_919;
    const outcome = await play(redis, `${prefix}{${seed}}`, { seed, kind, faults });
    try {
      expect(clashes(outcome.stays)).toStrictEqual([]);
      const tokens = outcome.stays.map(({ token }) => token);
      expect(new Set(tokens).size).toBe(tokens.length);
      expect(outcome.keysWithoutTtl).toBe(0);
      expect(outcome.overtakes).toStrictEqual([]);
      expect(outcome.unsettled).toBe(0);
      look(outcome, seed);
    } catch (error) {
      throw new Error(`${kind}, seed ${seed}: ${(error as Error).message}`, { cause: error });
    }
  }
}

describe.each(kinds)('the queue of a lock (%s) under random schedules', (kind) => {
  it(
    'serves everybody in turn, at once, when nothing goes wrong',
    () =>
      playAll(kind, {}, ({ wakeUps, lateness, scripts, beats, rounds }) => {
        expect(Math.max(0, ...wakeUps)).toBeLessThan(10);
        expect(Math.max(0, ...lateness)).toBeLessThan(10);
        // Acquire, come when called, release.
        expect(scripts).toBeLessThanOrEqual(3 * rounds + beats);
      }),
    900_000,
  );

  it(
    'keeps the order when calls are lost, commands run twice or overtake each other, and callers go away',
    () =>
      playAll(kind, { lostCalls: 0.2, resent: 0.1, overtaken: 0.1, cancelled: 0.2 }, ({ wakeUps, lateness }) => {
        // A beat, whichever caller of the process was called, and however many were.
        expect(Math.max(0, ...wakeUps)).toBeLessThan(BEAT_MS + 2 * NETWORK_MS);
        expect(Math.max(0, ...lateness)).toBeLessThan(NETWORK_MS);
      }),
    900_000,
  );

  it(
    'loses nobody when processes stop, crash and come back, and callers vanish without a word',
    () =>
      playAll(
        kind,
        { lostCalls: 0.1, resent: 0.05, overtaken: 0.05, cancelled: 0.1, lostCancels: 0.5, stopped: 0.5, crashed: 0.3 },
        () => undefined,
      ),
    900_000,
  );
});

describe('a waiter whose process has crashed', () => {
  it(
    'costs the others its call and no more: less than a second',
    () =>
      playAll('exclusive', { crashed: 0.6 }, ({ lateness }) => {
        // Counted from the end of what stood in the way, which may have been a call that nobody answered.
        expect(CALL_MS + Math.max(0, ...lateness)).toBeLessThan(1_000);
      }),
    900_000,
  );
});
