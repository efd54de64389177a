import { randomBy } from '@sallyport/testkit';
import { describe, expect, it } from '@jest/globals';
import { addressOf } from '../src/session-id.js';
import {
  ACTIONS,
  ENDERS,
  ENDERS_OF_ALL,
  newGate,
  openLane,
  WRITERS,
  type Action,
  type Answer,
  type Lane,
} from './interleavings.js';
import { idOf } from './shop.js';

const isFull = process.env['SALLYPORT_TEST'] === 'full';
const SCHEDULES = isFull ? 10_000 : 160;
const LANES = 4;

/** Runs one schedule: some requests of one session, stopped between read and act, and let go in random order. */
async function runSchedule(lane: Lane, seed: number): Promise<readonly Action[]> {
  const random = randomBy(seed);
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T;
  const user = `user-${seed}`;
  const { cookie } = await lane.ask(0, 'POST', `/log-in/${user}`, '');
  const first = addressOf(idOf(cookie));
  const key = `${lane.prefix}{${first?.bucket}}:${first?.deviceId}`;
  // Old enough to be renewed, and to be extended by each read.
  if (random() < 0.5) await lane.redis.hset(key, 'c', Date.now() - 5_000);
  await lane.redis.pexpire(key, 200_000);

  const actions = Array.from({ length: 3 + Math.floor(random() * 4) }, () => pick(ACTIONS));
  const requests = actions.map((action, index) => {
    const gate = `${seed}-${index}`;
    const { arrived, open } = newGate();
    lane.gates.set(gate, { arrived, open });
    const isEarly = random() < 0.8;
    const send = () => lane.ask(index, 'POST', `/act/${action}/${gate}`, cookie);
    return { action, gate, arrived, open, isEarly, answer: isEarly ? send() : undefined, send };
  });
  const early = requests.filter(({ isEarly }) => isEarly);
  // One that is answered without getting there is found out below.
  await Promise.all(early.map(({ arrived, answer }) => Promise.race([arrived.promise, answer])));

  // Let go one by one, some of them together, some only now sent at all.
  const order = requests.toSorted(() => random() - 0.5);
  const losers: Promise<Answer>[] = [];
  let isDead = false;
  for (const request of order) {
    request.answer ??= request.send();
    request.open.resolve();
    // It has read the session that is dead by now, and wants to write to it.
    if (isDead && request.isEarly && WRITERS.includes(request.action)) losers.push(request.answer);
    if (random() > 0.6) continue;
    const { status, body } = await request.answer;
    isDead ||= ENDERS.includes(request.action) && status === 200 && body.includes(user);
  }
  const answers = await Promise.all(requests.map(async ({ answer }) => answer));
  for (const { gate } of requests) lane.gates.delete(gate);

  const context = JSON.stringify({ seed, actions, order: order.map(({ action }) => action) });
  // The loser gets a typed outcome: the response it wanted, or 409. Never a 500.
  const odd = answers.filter((answer) => answer?.status !== 200 && answer?.status !== 409);
  expect([context, odd]).toStrictEqual([context, []]);

  for (const { status } of await Promise.all(losers)) expect([context, status]).toStrictEqual([context, 409]);

  // A request that came after the end acted for nobody; whoever acted for the user has ended something.
  const done = requests.filter(({ action }, index) => {
    const isTheirs = answers[index]?.status === 200 && answers[index]?.body.includes(user);
    return isTheirs && ENDERS.includes(action);
  });
  const everyone = requests.some(({ action }) => action === 'revoke-everyone');
  if (done.length > 0 || everyone) {
    const seen = await Promise.all([0, 1].map((process) => lane.ask(process, 'GET', '/', cookie)));
    for (const { body } of seen) expect([context, body]).toStrictEqual([context, '{"userId":null,"data":{}}']);
    expect([context, await lane.redis.exists(key)]).toStrictEqual([context, 0]);
  }
  const hasEndedAll = everyone || done.some(({ action }) => ENDERS_OF_ALL.includes(action));
  const left = await lane.shops[0]?.sessions.list(user);
  const logIns = requests.filter(({ action }, index) => action === 'log-in' && answers[index]?.body.includes(user));
  const mostLeft = hasEndedAll ? 0 : done.length > 0 ? Math.min(1, logIns.length) : 1;
  expect([context, (left?.length ?? 0) <= mostLeft]).toStrictEqual([context, true]);
  if (hasEndedAll) {
    for (const answer of answers) {
      const isNew = answer !== undefined && idOf(answer.cookie) !== '';
      const now = isNew ? await lane.ask(1, 'GET', '/', answer.cookie) : undefined;
      expect([context, now?.body.includes(user) ?? false]).toStrictEqual([context, false]);
    }
  }
  return actions;
}

describe('a session that was ended', () => {
  it(
    `stays ended in each of ${SCHEDULES} random interleavings of reads, writes, updates, touches, renewals and ends`,
    async () => {
      const seen = new Map<Action, number>();
      await Promise.all(
        Array.from({ length: LANES }, async (_, index) => {
          const lane = await openLane();
          for (let seed = index; seed < SCHEDULES; seed += LANES) {
            for (const action of await runSchedule(lane, seed)) seen.set(action, (seen.get(action) ?? 0) + 1);
          }
          lane.close();
        }),
      );
      // Every action was among them, or the test would prove nothing about it.
      for (const action of ACTIONS) expect(seen.get(action) ?? 0).toBeGreaterThan(SCHEDULES / 10);
    },
    isFull ? 1_200_000 : 120_000,
  );
});
