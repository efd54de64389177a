import { describe, expect, it } from '@jest/globals';
import { connect, redisUrl, startProcess, uniquePrefix, until } from '@sallyport/testkit';
import type { StopArguments, StopReport } from './stop-worker.js';

// Processes that are stopped for longer than the lease, also between the last look at it and the write.

const redis = connect();
const isFull = process.env['SALLYPORT_TEST'] === 'full';
/** So many stale writes must have been refused by the fence alone. */
const refusals = isFull ? 60 : 2;
const leaseMs = 300;

async function race(isFenced: boolean, isEnough: (report: StopReport) => boolean) {
  const prefix = uniquePrefix('stopped');
  const args: StopArguments = { url: redisUrl(), prefix, leaseMs, isFenced };
  const module = new URL('./stop-worker.ts', import.meta.url);
  const workers = await Promise.all([1, 2, 3, 4].map(() => startProcess({ module, args, timeoutMs: 30_000 })));
  const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const report = async (): Promise<StopReport> => {
    const { ended = 0, written = 0, lost = 0, refused = 0 } = await redis.hgetall(`${prefix}report`);
    return { ended: Number(ended), written: Number(written), lost: Number(lost), refused: Number(refused) };
  };
  let stops = 0;
  while (!isEnough(await report())) {
    // Half of the stops hit anybody at any time, half the one who is about to write.
    const about = stops % 2 === 0 ? undefined : await redis.get(`${prefix}between`);
    if (about === null) {
      await sleep(2);
      continue;
    }
    const pid = about === undefined ? workers[Math.floor(Math.random() * workers.length)]?.pid : Number(about);
    if (pid === undefined) break;
    process.kill(pid, 'SIGSTOP');
    stops += 1;
    await sleep(leaseMs + 100 + Math.random() * 500);
    process.kill(pid, 'SIGCONT');
    await sleep(Math.random() * 100);
  }
  await redis.set(`${prefix}end`, 1, 'EX', 60);
  await until(async () => (await report()).ended === workers.length, { timeoutMs: 30_000 });
  for (const worker of workers) await worker.kill('SIGKILL');
  const counter = await redis.hgetall(`${prefix}counter`);
  const tokens = Array.from({ length: Number(counter['count']) }, (_, index) => Number(counter[`token ${index + 1}`]));
  return { stops, ...(await report()), tokens };
}

describe('4 processes that are stopped for longer than their leases', () => {
  it('lose no update that the fence has let through, and its tokens rise', async () => {
    const { stops, written, lost, refused, tokens } = await race(true, (report) => report.refused >= refusals);
    if (isFull) process.stderr.write(`${JSON.stringify({ stops, written, lost, refused })}\n`);
    expect(written).toBeGreaterThan(5);
    expect(tokens).toHaveLength(written);
    expect(tokens).toStrictEqual([...new Set(tokens)].toSorted((a, b) => a - b));
  }, 120_000);

  (isFull ? it : it.skip)(
    'lose updates without the look and the fence, which shows that they were needed',
    async () => {
      const { written, tokens } = await race(false, (report) => report.written >= 500);
      expect(tokens.length).toBeLessThan(written);
    },
    120_000,
  );
});
