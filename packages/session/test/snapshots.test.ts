import { describe, expect, it } from '@jest/globals';
import type { SessionRecord } from '../src/session-record.js';
import { Snapshots } from '../src/snapshots.js';

const id = (deviceId: string, proof = '') => ({ bucket: 'ab', deviceId, generation: 0, proof });

function recordOf(theme: string, more: Partial<SessionRecord> = {}): SessionRecord {
  const fields = new Map([['theme', JSON.stringify({ theme })]]);
  const times = { leftMs: 1_000_000, idAgeMs: 0, isGrace: false, maxAgeMs: undefined, unusedProof: undefined };
  const place = { label: '', ipPrefix: '', lastIpPrefix: '', isTakenOver: false, createdMs: 0, endMs: 0 };
  return { ...times, ...place, userId: 'ann', fields, data: {}, version: '', ...more };
}

describe('Snapshots', () => {
  function open(idleMs = 600_000) {
    const clock = { ms: 0 };
    return { clock, snapshots: new Snapshots(idleMs, () => clock.ms) };
  }

  it('gives what was read, parsed anew each time, so that no handler changes what the next one gets', () => {
    const { snapshots } = open();
    snapshots.keep(id('one'), recordOf('dark'));
    const { data = {} } = snapshots.find(id('one')) ?? {};
    Reflect.set(data['theme'] as object, 'theme', 'meddled');
    expect(snapshots.find(id('one'))).toMatchObject({ userId: 'ann', data: { theme: { theme: 'dark' } } });
  });

  it.each<[string, number, Partial<SessionRecord>, number]>([
    ['a minute', 60_001, {}, 600_000],
    ['the idle limit', 10_001, {}, 10_000],
    ["the session's own limit", 5_001, { maxAgeMs: 5_000 }, 600_000],
    ['the absolute end', 2_001, { leftMs: 2_000 }, 600_000],
  ])('gives nothing after %s', (_what, ageMs, more, idleMs) => {
    const { snapshots, clock } = open(idleMs);
    snapshots.keep(id('one'), recordOf('dark', more));
    clock.ms = ageMs - 1;
    expect(snapshots.find(id('one'))).toBeDefined();
    clock.ms = ageMs;
    expect(snapshots.find(id('one'))).toBeUndefined();
  });

  it('gives nothing to another id of the same session, and nothing that was forgotten', () => {
    const { snapshots } = open();
    snapshots.keep(id('one', 'proof'), recordOf('dark'));
    expect(snapshots.find(id('one', 'older proof'))).toBeUndefined();
    snapshots.forget('one');
    expect(snapshots.find(id('one', 'proof'))).toBeUndefined();
    snapshots.keep(id('two'), recordOf('dark'));
    snapshots.clear();
    expect(snapshots.find(id('two'))).toBeUndefined();
  });

  it('takes what was written since, and nothing for a session that it does not hold', () => {
    const { snapshots } = open();
    snapshots.keep(id('one'), recordOf('dark'));
    snapshots.amend('one', new Map([['theme', '"light"']]));
    snapshots.amend('two', new Map());
    expect(snapshots.find(id('one'))?.data).toEqual({ theme: 'light' });
    expect(snapshots.find(id('two'))).toBeUndefined();
  });

  it('holds 5000 and forgets the one that was read least lately', () => {
    const { snapshots } = open();
    snapshots.keep(id('first'), recordOf('dark'));
    snapshots.keep(id('second'), recordOf('dark'));
    snapshots.keep(id('first'), recordOf('dark'));
    for (let index = 0; index < 4_999; index += 1) snapshots.keep(id(`s${index}`), recordOf('dark'));
    expect([snapshots.find(id('first')), snapshots.find(id('second'))]).toStrictEqual([expect.anything(), undefined]);
  });
});
