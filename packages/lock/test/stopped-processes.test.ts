import { describe, expect, it } from '@jest/globals';
import { connect, redisUrl, startProcess, uniquePrefix } from '@sallyport/testkit';
import type { StopArguments, StopReport } from './stop-worker.js';

// Processes that are stopped for longer than the lease, also between the last look at it and the write.

const redis = connect();
const isFull = process.env['SALLYPORT_TEST'] === 'full';
const forMs = isFull ? 60_000 : 4_000;
const leaseMs = 300;

async function race(isFenced: boolean) {
  const prefix = uniquePrefix('stopped');
  const args: StopArguments = { url: redisUrl(), prefix, leaseMs, forMs, isFenced };
  const module = new URL('./stop-worker.ts', import.meta.url);
  const workers = await Promise.all([1, 2, 3, 4].map(() => startProcess({ module, args, timeoutMs: 30_000 })));
  const isRunning = async () => (await redis.llen(`${prefix}reports`)) < workers.length;
  const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  let stops = 0;
  while (await isRunning()) {
    // Half of the stops hit anybody at any time, half the one who is about to write.
    const about = stops % 2 === 0 ? undefined : await redis.get(`${prefix}between`);
    if (stops % 2 === 1 && about === null) {
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
  const reports = (await redis.lrange(`${prefix}reports`, '0', '-1')).map((text) => JSON.parse(text) as StopReport);
  for (const worker of workers) await worker.kill('SIGKILL');
  const sum = (what: keyof StopReport) => reports.reduce((total, report) => total + report[what], 0);
  const counter = await redis.hgetall(`${prefix}counter`);
  await redis.del(`${prefix}counter`, `${prefix}reports`);
  const tokens = Array.from({ length: Number(counter['count']) }, (_, index) => Number(counter[`token ${index + 1}`]));
  return { stops, written: sum('written'), lost: sum('lost'), refused: sum('refused'), tokens };
}

describe('4 processes that are stopped for longer than their leases', () => {
  it('lose no update that the fence has let through, and its tokens rise', async () => {
    const { stops, written, lost, refused, tokens } = await race(true);
    if (isFull) process.stderr.write(`${JSON.stringify({ stops, written, lost, refused })}\n`);
    expect(written).toBeGreaterThan(10);
    expect(tokens).toHaveLength(written);
    expect(tokens).toStrictEqual([...new Set(tokens)].toSorted((a, b) => a - b));
    // The look and the fence have both had something to do.
    expect(lost + refused).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
  }, 120_000);

  (isFull ? it : it.skip)(
    'lose updates without the look and the fence, which shows that they were needed',
    async () => {
      const { written, tokens } = await race(false);
      expect(tokens.length).toBeLessThan(written);
    },
    120_000,
  );
});
