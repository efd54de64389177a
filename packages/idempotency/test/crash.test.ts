import { beforeAll, describe, expect, it } from '@jest/globals';
import { connect, redisUrl, startProcess, uniquePrefix, until, type StartedProcess } from '@sallyport/testkit';
import { problemTypes } from '@sallyport/idempotency';
import { modes, points, type CrashProcessArguments, type Mode, type Point } from './crash-process.js';
import { exchange, headerOf, type Exchange } from './exchange.js';

const isFull = process.env['SALLYPORT_TEST'] === 'full';
const KILLS = isFull ? 30 : 1;
const REQUESTS_PER_POINT = isFull ? 5 : 3;
const LEASE_MS = 1_500;
/** For two busy cores; what was measured is printed in the full form. */
const MARGIN_MS = isFull ? 1_000 : 3_000;

const redis = connect();
const args: CrashProcessArguments = { url: redisUrl(), prefix: uniquePrefix('crash'), leaseMs: LEASE_MS };
const module = new URL('./crash-process.ts', import.meta.url);
const start = () => startProcess<string>({ module, args, timeoutMs: 30_000 });
const countOf = async (what: string) => Number((await redis.get(`${args.prefix}${what}`)) ?? 0);

interface Crash {
  readonly mode: Mode;
  readonly point: Point;
  readonly key: string;
}

const send = (url: string, { mode, key }: Crash, hold?: Point) =>
  exchange(`${url}/${mode}`, {
    headers: { 'Idempotency-Key': `"${key}"`, ...(hold !== undefined && { 'X-Hold': hold }) },
  });

/** What the retry must get, and how often the effect was had by then. */
function expectedOf({ mode, point }: Crash): { answer: 'replay' | 'run' | 'unknown'; effects: number } {
  if (point === 'after the commit') return { answer: 'replay', effects: 1 };
  const isBefore = points.indexOf(point) <= points.indexOf('before the effect');
  if (mode === 'stepped') return { answer: 'run', effects: 1 };
  if (mode === 'plain') return { answer: 'run', effects: isBefore ? 1 : 2 };
  if (points.indexOf(point) <= points.indexOf('inside of the handler')) return { answer: 'run', effects: 1 };
  return { answer: 'unknown', effects: isBefore ? 0 : 1 };
}

function kindOf(answer: Exchange): string {
  if (answer.status === 409 && JSON.parse(answer.body).type === problemTypes.outcomeUnknown) return 'unknown';
  if (answer.status !== 201) return `${answer.status} ${answer.body}`;
  return headerOf(answer, 'idempotency-replayed') === 'true' ? 'replay' : 'run';
}

let living: StartedProcess<string>;
beforeAll(async () => {
  living = await start();
}, 60_000);

describe('kill -9 of the process that runs a request', () => {
  it('at any point lets a retry be answered within one lease, and no effect that was marked happen twice', async () => {
    // From now on Redis knows the scripts, so that each of them is one command that can be held.
    for (const mode of modes) await send(living.value, { mode, point: 'after the claim', key: `warm-up ${mode}` });
    let slowestMs = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const dying = await start();
      const crashes = modes.flatMap((mode) =>
        points.flatMap((point) =>
          Array.from({ length: REQUESTS_PER_POINT }, (_, index): Crash => {
            return { mode, point, key: `${kill} ${mode} ${point} ${index}` };
          }),
        ),
      );
      const heldBefore = await countOf('held');
      const lost = crashes.map((crash) => send(dying.value, crash, crash.point).catch((error: unknown) => error));
      await until(async () => (await countOf('held')) - heldBefore === crashes.length, { timeoutMs: 20_000 });
      await dying.kill('SIGKILL');
      const killedAt = performance.now();
      const retries = await Promise.all(
        crashes.map(async (crash) => {
          const answer = await send(living.value, crash);
          return { crash, answer, tookMs: performance.now() - killedAt };
        }),
      );
      // Nobody has got a whole answer.
      for (const outcome of await Promise.all(lost)) expect(outcome).toMatchObject({ code: 'ECONNRESET' });

      for (const { crash, answer, tookMs } of retries) {
        slowestMs = Math.max(slowestMs, tookMs);
        const effects = await countOf(`effects ${crash.key}`);
        expect({ ...crash, answer: kindOf(answer), effects }).toStrictEqual({ ...crash, ...expectedOf(crash) });
        // A finished step is not run again.
        if (crash.mode === 'stepped') {
          const isRunAgain = points.indexOf(crash.point) <= points.indexOf('inside of the handler');
          expect(await countOf(`orders ${crash.key}`)).toBe(1);
          expect(isRunAgain || answer.body.startsWith('order 1 ')).toBe(true);
        }
        // Whoever asks again gets the same.
        const again = await send(living.value, crash);
        expect([again.status, again.body]).toStrictEqual([answer.status, answer.body]);
        expect(await countOf(`effects ${crash.key}`)).toBe(effects);
      }
    }
    if (isFull)
      process.stdout.write(`${KILLS} kills: slowest retry ${Math.round(slowestMs)} ms, lease ${LEASE_MS} ms\n`);
    expect(slowestMs).toBeLessThan(LEASE_MS + MARGIN_MS);
  }, 600_000);
});

describe('a process that stops for longer than its lease', () => {
  it('changes nothing when it comes back: its steps and answers are refused, its marked effect is its own', async () => {
    const stopped = await start();
    const crashes = modes.map((mode): Crash => ({ mode, point: 'inside of the handler', key: `stopped ${mode}` }));
    const heldBefore = await countOf('held');
    const late = crashes.map(({ mode, key }) =>
      exchange(`${stopped.value}/${mode}`, { headers: { 'Idempotency-Key': `"${key}"`, 'X-Gate': key } }),
    );
    await until(async () => (await countOf('held')) - heldBefore === crashes.length, { timeoutMs: 20_000 });
    process.kill(stopped.pid, 'SIGSTOP');
    const answers = await Promise.all(crashes.map((crash) => send(living.value, crash)));
    expect(answers.map(kindOf)).toStrictEqual(['run', 'unknown', 'run']);
    for (const { key } of crashes) await redis.lpush(`${args.prefix}${key}`, 'open');
    process.kill(stopped.pid, 'SIGCONT');
    const [plain, marked, stepped] = await Promise.all(late);
    for (const refused of [plain, stepped]) {
      expect([refused?.status, refused?.body]).toStrictEqual([503, '{"code":"ERR_IDEMPOTENCY_LOST"}']);
    }
    // Nobody could take this one over: it has happened once, and now it is known.
    expect(marked?.status).toBe(201);
    for (const [index, crash] of crashes.entries()) {
      const again = await send(living.value, crash);
      expect([crash.mode, kindOf(again)]).toStrictEqual([crash.mode, 'replay']);
      expect(again.body).toBe((crash.mode === 'marked' ? marked : answers[index])?.body);
      expect(await countOf(`effects ${crash.key}`)).toBe(1);
    }
  }, 60_000);
});
