import { describe, expect, it } from '@jest/globals';
import { dedicatedRedis, startProcess, startProxy, uniquePrefix, type StartedProcess } from '@sallyport/testkit';
import { setTimeout as delay } from 'node:timers/promises';
import type { ReaderLog } from './processes/coherence-reader.js';
import type { WriteLog } from './processes/coherence-writer.js';

const FOR_MS = process.env['SALLYPORT_TEST'] === 'full' ? 60_000 : 8_000;
const KEYS = 40;
/** What we promise, and what a busy machine may add between two clocks being read. */
const BOUND_MS = 1_500 + 250;

const path = (name: string) => new URL(`./processes/${name}.ts`, import.meta.url);

describe('memory in several processes, on connections that break', () => {
  it(
    'is never older than a second and a half, and never for good',
    async () => {
      const server = await dedicatedRedis();
      const proxies = await Promise.all([startProxy({ port: server.port }), startProxy({ port: server.port })]);
      const prefix = uniquePrefix('coherence');
      const common = { prefix, keys: KEYS };
      const timeoutMs = FOR_MS + 30_000;
      const writing: Promise<StartedProcess<WriteLog>> = startProcess({
        module: path('coherence-writer'),
        args: { ...common, port: server.port, forMs: FOR_MS },
        timeoutMs,
      });
      const reading = proxies.map((proxy): Promise<StartedProcess<ReaderLog>> =>
        startProcess({
          module: path('coherence-reader'),
          args: { ...common, port: proxy.port, forMs: FOR_MS + 1_000, settleMs: 2_500 },
          timeoutMs,
        }),
      );
      const admin = server.client();
      const faults = [
        async () => proxies[0]?.cut(),
        async () => admin.call('client', 'kill', 'type', 'pubsub'),
        async () => {
          proxies[1]?.blackHole();
          await delay(2_000);
          await proxies[1]?.heal();
        },
        async () => admin.flushall(),
        async () => admin.call('client', 'kill', 'type', 'normal', 'skipme', 'yes'),
      ];
      const endsAt = Date.now() + FOR_MS;
      for (let round = 0; Date.now() < endsAt - 2_500; round += 1) {
        await delay(400 + Math.random() * 400);
        await faults[round % faults.length]?.();
      }
      const { value: writes } = await writing;
      const readers = (await Promise.all(reading)).map(({ value }) => value);

      expect(writes.length).toBeGreaterThan(FOR_MS / 40);
      const finals = new Map(writes.map(([key, value]) => [key, value]));
      const stale: string[] = [];
      let worstMs = 0;
      for (const { samples, last, hits, timesArmed } of readers) {
        expect(samples.length).toBeGreaterThan(FOR_MS / 40);
        expect(hits).toBeGreaterThan(100);
        expect(timesArmed).toBeGreaterThan(1);
        for (const [key, seen, askedAt] of samples) {
          // The first write after the one that was seen has been out of date since then.
          const next = writes.find(([of, value]) => of === key && value > seen);
          const ageMs = next === undefined ? 0 : askedAt - next[2];
          worstMs = Math.max(worstMs, ageMs);
          if (ageMs > BOUND_MS) stale.push(`key ${key}: ${seen}, out of date for ${ageMs} ms`);
        }
        for (const [key, value] of last.entries()) {
          if (value !== undefined && value !== finals.get(key)) stale.push(`key ${key} for good: ${value}`);
        }
      }
      expect(stale).toStrictEqual([]);
      if (process.env['SALLYPORT_TEST'] === 'full') process.stdout.write(`worst staleness ${worstMs} ms\n`);
    },
    FOR_MS + 60_000,
  );
});
