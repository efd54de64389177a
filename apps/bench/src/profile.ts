// `npm run bench -- --profile`: runs each variant once under the profiler and prints where its CPU time goes.

import type { Profiler } from 'node:inspector';
import { startRedis } from '@sallyport/redis-server';
import { charge } from './charge.js';
import { sourceOf } from './source-of.js';
import { startLoad, underLoad, warmUp, type RunLength } from './measure.js';
import type { ServerSample } from './server-process.js';
import { formatTable } from './table.js';
import { labelOf, type Variant } from './variant.js';

const PROFILE_MS = 4_000;
const PACKAGES = 16;
const LINES = 25;

/** @param print receives a few tables per variant */
export async function runProfile(
  variants: readonly Variant[],
  length: RunLength,
  print: (text: string) => void,
): Promise<void> {
  const redis = await startRedis();
  const load = startLoad();
  try {
    for (const variant of variants) {
      await redis.restart();
      const { profile, micros } = await underLoad(variant, redis, load, async (server) => {
        await warmUp(server, length);
        const before = await server.ask<ServerSample>('sample');
        const taken = await server.ask<Profiler.Profile>('profile', PROFILE_MS);
        const after = await server.ask<ServerSample>('sample');
        const perRequest = (after.cpuMicros - before.cpuMicros) / (after.requests - before.requests);
        return { profile: taken, micros: perRequest };
      });
      const { packages, lines } = charge(profile, sourceOf);
      print(`\n## ${labelOf(variant)}, Node ${variant.node.version}: ${micros.toFixed(1)} µs per request, profiled\n`);
      const row = ({ who, share }: { who: string; share: number }) => [
        who,
        `${(share * 100).toFixed(1)} %`,
        (share * micros).toFixed(1),
      ];
      print(formatTable(['package', 'share', 'µs'], packages.slice(0, PACKAGES).map(row)));
      print(`\n${formatTable(['line', 'share', 'µs'], lines.slice(0, LINES).map(row))}`);
    }
  } finally {
    await Promise.all([redis.stop(), load.kill()]);
  }
}
