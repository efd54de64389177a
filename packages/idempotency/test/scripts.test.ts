import { describe, expect, it } from '@jest/globals';
import { dedicatedRedis, until } from '@sallyport/testkit';
import * as fc from 'fast-check';
import { formatHead } from '../src/kept-answer.js';
import { claimScript } from '../src/scripts/claim.js';
import { commitScript } from '../src/scripts/commit.js';
import { keepStepScript } from '../src/scripts/keep-step.js';
import { markEffectScript } from '../src/scripts/mark-effect.js';
import { releaseScript } from '../src/scripts/release.js';
import { renewScript } from '../src/scripts/renew.js';
import { RecordModel } from './record-model.js';

const numRuns = process.env['SALLYPORT_TEST'] === 'full' ? 1_000 : 60;
const LEASE_MS = 60_000;
const RETENTION_MS = 120_000;

const owner = fc.constantFrom('one', 'two', 'three');
const fingerprint = fc.constantFrom('same', 'same', 'same', 'other');
/** What may come next, from anybody: runs that are late, sent twice, or never knew that they had lost the record. */
const operations = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ what: fc.constant('claim' as const), owner, fingerprint, isWaiting: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('expire' as const) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constantFrom('renew' as const, 'mark' as const), owner }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('step' as const), owner, name: fc.constantFrom('a', 'b') }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constantFrom('commit' as const, 'release' as const), owner }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('lose' as const) }) },
);
type Operation = typeof operations extends fc.Arbitrary<infer Value> ? Value : never;

const byName = ([a]: readonly [string, string], [b]: readonly [string, string]) => (a < b ? -1 : 1);

describe('the scripts on one record', () => {
  it('do what the model says under random schedules, sent once or twice', async () => {
    const server = await dedicatedRedis();
    const redis = server.client();
    const listening = server.client({ protocol: 2 } as object);
    const heard: string[] = [];
    await listening.subscribe('ended');
    listening.on('message', (_channel, text: string) => heard.push(text));
    let round = 0;
    const outcomes = new Map<string, number>();

    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(operations, fc.boolean()), { minLength: 5, maxLength: 40 }),
        async (schedule) => {
          round += 1;
          const record = `model:{${round}}`;
          const model = new RecordModel();
          /** Grant → token, and who believes to hold which. */
          const tokens: number[] = [];
          const beliefs = new Map<string, { readonly token: number; readonly grant: number; readonly fp: string }>();
          heard.length = 0;

          const toScript = async (operation: Operation): Promise<unknown> => {
            switch (operation.what) {
              case 'claim': {
                const args = [operation.owner, operation.fingerprint, LEASE_MS, RETENTION_MS];
                const reply = await claimScript.run(redis, [record], [...args, operation.isWaiting ? '1' : '']);
                if (reply.outcome === 'claimed') tokens.push(reply.token);
                if (reply.outcome === 'done') return `done ${reply.body.toString()}`;
                if (reply.outcome !== 'claimed') return reply.outcome;
                return `claimed ${JSON.stringify([...reply.steps].toSorted(byName))}`;
              }
              case 'renew':
                return (await renewScript.run(redis, [record], [operation.owner, LEASE_MS])) !== undefined;
              case 'mark':
                return markEffectScript.run(redis, [record], [operation.owner]);
              case 'step':
                return keepStepScript.run(redis, [record], [operation.owner, operation.name, operation.owner]);
              case 'commit': {
                const { token, fp } = beliefs.get(operation.owner) ?? { token: 1, fp: 'same' };
                const head = formatHead({ status: 200, headers: [], removed: [], isBodyKept: true });
                const args = [operation.owner, fp, token, RETENTION_MS, head, operation.owner, 'ended', fp];
                return commitScript.run(redis, [record], args);
              }
              case 'release': {
                const { fp } = beliefs.get(operation.owner) ?? { fp: 'same' };
                return releaseScript.run(redis, [record], [operation.owner, 'ended', fp]);
              }
              case 'expire':
                if ((await redis.hexists(record, 'leaseEnds')) === 1) await redis.hset(record, 'leaseEnds', 1);
                return undefined;
              case 'lose':
                await redis.del(record);
                return undefined;
              default:
                throw new TypeError('no such operation');
            }
          };
          const toModel = (operation: Operation): unknown => {
            switch (operation.what) {
              case 'claim':
                return model.claim(operation.owner, operation.fingerprint, operation.isWaiting);
              case 'renew':
                return model.renew(operation.owner);
              case 'mark':
                return model.markEffect(operation.owner);
              case 'step':
                return model.keepStep(operation.owner, operation.name, operation.owner);
              case 'commit': {
                const { grant, fp } = beliefs.get(operation.owner) ?? { grant: 0, fp: 'same' };
                return model.commit(operation.owner, fp, grant, operation.owner);
              }
              case 'release':
                return model.release(operation.owner, beliefs.get(operation.owner)?.fp ?? 'same');
              case 'expire':
                model.expire();
                return undefined;
              case 'lose':
                model.record = undefined;
                return undefined;
              default:
                throw new TypeError('no such operation');
            }
          };

          for (const [operation, isSentTwice] of schedule) {
            for (const _time of isSentTwice ? ['once', 'again'] : ['once']) {
              const known = tokens.length;
              const expected = toModel(operation);
              const reply = await toScript(operation);
              expect([operation, reply]).toStrictEqual([operation, expected]);
              outcomes.set(`${operation.what} ${String(reply).split(' ')[0]}`, 1);
              if (operation.what !== 'claim' || tokens.length === known) continue;
              // Who is granted the record anew gets a higher token than anybody before; who is granted it again, the same.
              const [token = 0, before = 0] = [tokens.at(-1), tokens.at(-2)];
              const grant = model.record?.grant ?? 0;
              const holder = beliefs.get(operation.owner);
              if (holder?.grant === grant) expect(token).toBe(holder.token);
              else expect(token).toBeGreaterThan(before);
              beliefs.set(operation.owner, { token, grant, fp: operation.fingerprint });
            }
            const kept = await redis.hgetall(record);
            const { record: wanted } = model;
            expect(kept['state']).toBe(wanted?.state);
            if (wanted === undefined) continue;
            const steps = Object.entries(kept).filter(([name]) => name.startsWith('step:'));
            expect({
              owner: kept['owner'],
              fingerprint: kept['fingerprint'],
              isLive: Number(kept['leaseEnds'] ?? 0) > 1,
              hasEffect: kept['effect'] === '1',
              isWaited: kept['waited'] === '1',
              steps: Object.fromEntries(steps.map(([name, result]) => [name.slice('step:'.length), result])),
              answer: kept['body'],
            }).toStrictEqual({
              owner: wanted.owner,
              fingerprint: wanted.fingerprint,
              isLive: wanted.isLive,
              hasEffect: wanted.hasEffect,
              isWaited: wanted.isWaited,
              steps: wanted.steps,
              answer: wanted.answer,
            });
            expect(await redis.pttl(record)).toBeGreaterThan(0);
          }
          await until(() => heard.length >= model.published.length);
          expect(heard).toStrictEqual(model.published);
        },
      ),
      { numRuns, seed: 11 },
    );
    // Every answer of every script was seen.
    for (const seen of ['claimed', 'running', 'mismatch', 'unknown', 'done'])
      expect(outcomes.has(`claim ${seen}`)).toBe(true);
    for (const what of ['renew', 'mark', 'step', 'release']) {
      for (const seen of [true, false]) expect(outcomes.has(`${what} ${seen}`)).toBe(true);
    }
    for (const seen of ['kept', 'taken']) expect(outcomes.has(`commit ${seen}`)).toBe(true);
  }, 600_000);

  it('give a higher token also when the clock of Redis has gone back', async () => {
    const redis = (await dedicatedRedis()).client();
    const claim = (by: string) => claimScript.run(redis, ['clock:{1}'], [by, 'same', LEASE_MS, RETENTION_MS, '']);
    const first = await claim('one');
    if (first.outcome !== 'claimed') throw new Error(first.outcome);
    // The token of a run that began when the clock showed an hour more.
    const ahead = first.token + 3_600_000_000;
    await redis.hset('clock:{1}', 'token', String(ahead), 'leaseEnds', '1');
    expect(await claim('two')).toMatchObject({ outcome: 'claimed', token: ahead + 1 });
  });
});
