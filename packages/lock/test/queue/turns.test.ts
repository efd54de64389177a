import { describe, expect, it } from '@jest/globals';
import { connect, uniquePrefix } from '@sallyport/testkit';
import { acquireArguments } from '../../src/scripts/acquire.js';
import { CALL_MS, FORGET_MS, SILENT_MS } from '../../src/scripts/queue.js';
import { World } from './simulation.js';

// Whose turn it is when a called waiter does not come: the real scripts, on a clock that the test moves.

const redis = connect();

function freshWorld() {
  const world = new World(redis, `${uniquePrefix('turns')}{a}`, 1);
  const ask = async (owner: string) => {
    const request = { owner, leaseMs: 60_000, isWaiting: true, channelPrefix: '' };
    const [[isGranted], called] = (await world.script('acquire', acquireArguments(request))) as [[number], string[]];
    return { isGranted: isGranted === 1, called };
  };
  const release = async (owner: string) => (await world.script('release', [owner, '']))[1];
  return { world, ask, release };
}

describe('the line of a lock', () => {
  it('passes over a process that did not come when called, and keeps its places', async () => {
    const { world, ask, release } = freshWorld();
    await ask('1:p0:holder');
    for (const owner of ['1:p1:first', '1:p1:second', '1:p2:third']) await ask(owner);
    expect(await release('1:p0:holder')).toStrictEqual(['1:p1:first']);
    world.now = CALL_MS + 1;
    // The call is over; its process was not heard, so its other waiter is not called either.
    expect(await ask('1:p2:third')).toStrictEqual({ isGranted: true, called: [] });
    world.now += 10;
    await ask('1:p1:second');
    expect(await release('1:p2:third')).toStrictEqual(['1:p1:first']);
    expect((await ask('1:p1:first')).isGranted).toBe(true);
    await world.clean();
  });

  it('drops who did not come although its process was heard meanwhile', async () => {
    const { world, ask, release } = freshWorld();
    await ask('1:p0:holder');
    for (const owner of ['1:p1:gone', '1:p1:second', '1:p2:third']) await ask(owner);
    world.now = 100;
    expect(await release('1:p0:holder')).toStrictEqual(['1:p1:gone']);
    world.now = 500;
    await ask('1:p1:second');
    world.now = 100 + CALL_MS;
    expect(await ask('1:p2:third')).toStrictEqual({ isGranted: false, called: ['1:p1:second'] });
    await world.clean();
  });

  it('has heard a process also when one of its waiters comes for the lock', async () => {
    const { world, ask, release } = freshWorld();
    await ask('1:p0:holder');
    for (const owner of ['1:p1:first', '1:p1:second', '1:p2:third']) await ask(owner);
    world.now = 800;
    await release('1:p0:holder');
    world.now = 900;
    await ask('1:p1:first');
    world.now = SILENT_MS + 500;
    expect(await release('1:p1:first')).toStrictEqual(['1:p1:second']);
    await world.clean();
  });

  it('forgets the places of a process that was silent for long', async () => {
    const { world, ask, release } = freshWorld();
    await ask('1:p0:holder');
    for (const owner of ['1:p1:first', '1:p2:second']) await ask(owner);
    world.now = FORGET_MS;
    await ask('1:p2:second');
    expect(await release('1:p0:holder')).toStrictEqual(['1:p2:second']);
    await ask('1:p2:second');
    await ask('1:p1:first');
    await ask('1:p2:later');
    expect(await release('1:p2:second')).toStrictEqual(['1:p1:first']);
    await world.clean();
  });
});
