import { Session, type Profiler } from 'node:inspector/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** Profiles this process for a while; one sample per 200 µs. */
export async function startProfile(durationMs: number): Promise<Profiler.Profile> {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: 200 });
    await session.post('Profiler.start');
    await delay(durationMs);
    return (await session.post('Profiler.stop')).profile;
  } finally {
    session.disconnect();
  }
}
