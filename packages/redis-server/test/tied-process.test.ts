import { existsSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { isPortFree } from '../src/free-port.js';
import { withConnection } from '../src/resp.js';
import { waitUntil } from '../src/wait-until.js';
import { runProgram, type Program } from './run-program.js';

const programs: Program[] = [];
afterEach(() => {
  for (const { child } of programs.splice(0)) child.kill('SIGKILL');
});

/** A process that starts a Redis, and where that Redis is. */
async function parentOfRedis(then: 'stay' | 'end' | 'stop') {
  const program = runProgram('test/programs/start-redis.ts', [then]);
  programs.push(program);
  const redis = JSON.parse(await program.printed(/\n/)) as { port: number; pid: number };
  return { program, redis };
}

async function portRefuses(port: number): Promise<boolean> {
  return waitUntil(
    { goal: `port ${port} to refuse`, limitMs: 10_000 },
    async () => (await isPortFree(port)) || undefined,
  );
}

async function directoryOf(port: number): Promise<string> {
  const reply = await withConnection({ host: '127.0.0.1', port }, (redis) => redis.command('CONFIG', 'GET', 'dir'));
  return Array.isArray(reply) ? String(reply[1]) : '';
}

function isRemoved(path: string): Promise<boolean> {
  return waitUntil({ goal: `${path} to be removed`, limitMs: 10_000 }, async () => !existsSync(path) || undefined);
}

describe('TiedProcess', () => {
  it.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)('ends with its parent when that gets %s', async (signal) => {
    const { program, redis } = await parentOfRedis('stay');
    const directory = await directoryOf(redis.port);
    program.child.kill(signal);
    expect(await portRefuses(redis.port)).toBe(true);
    expect(await isRemoved(directory)).toBe(true);
  });

  it('ends with its parent even when it is paused itself', async () => {
    const { program, redis } = await parentOfRedis('stay');
    process.kill(redis.pid, 'SIGSTOP');
    program.child.kill('SIGKILL');
    expect(await portRefuses(redis.port)).toBe(true);
  });

  it('leaves no directory when it crashes first and its parent ends later', async () => {
    const { program, redis } = await parentOfRedis('stay');
    const directory = await directoryOf(redis.port);
    process.kill(redis.pid, 'SIGKILL');
    expect(await portRefuses(redis.port)).toBe(true);
    expect(existsSync(directory)).toBe(true);
    program.child.kill('SIGKILL');
    expect(await isRemoved(directory)).toBe(true);
  });

  it('does not keep its parent running', async () => {
    const { program, redis } = await parentOfRedis('end');
    expect(await program.ended).toMatchObject({ status: 0, stderr: '' });
    expect(await portRefuses(redis.port)).toBe(true);
  });

  it('is gone when stop() settles, also at the very end of the parent', async () => {
    const { program, redis } = await parentOfRedis('stop');
    expect(await program.ended).toMatchObject({ status: 0, stderr: '' });
    expect(await isPortFree(redis.port)).toBe(true);
  });
});
