import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { findFreePorts, isPortFree } from '../src/free-port.js';
import { startRedis } from '../src/index.js';
import { withConnection } from '../src/resp.js';
import { waitUntil } from '../src/wait-until.js';
import { runProgram, type Program } from './run-program.js';

jest.setTimeout(90_000);
const running: Program[] = [];
afterEach(() => {
  for (const { child } of running.splice(0)) child.kill('SIGKILL');
});

function runCli(args: string[], env: NodeJS.ProcessEnv = {}): Program {
  const program = runProgram('src/cli.ts', args, env);
  running.push(program);
  return program;
}

async function freePort(withBus = false): Promise<number> {
  const [port = 0] = await findFreePorts(1, withBus);
  return port;
}

describe('sallyport-redis', () => {
  it('prints the URL alone to stdout, serves, and ends with status 0 on Ctrl-C', async () => {
    const port = await freePort();
    const program = runCli(['--port', String(port)]);
    await program.printed(/\n/);
    const address = { host: '127.0.0.1', port };
    expect(await withConnection(address, (redis) => redis.command('PING'))).toBe('PONG');
    program.child.kill('SIGINT');
    expect(await program.ended).toMatchObject({ status: 0, stdout: `REDIS_URL=redis://127.0.0.1:${port}\n` });
    expect(await isPortFree(port)).toBe(true);
  });

  it.each([
    ['cluster', /^REDIS_URL=redis\+cluster:\/\/127\.0\.0\.1:(\d+),127\.0\.0\.1:\d+,127\.0\.0\.1:\d+\n$/],
    ['sentinel', /^REDIS_URL=redis\+sentinel:\/\/127\.0\.0\.1:(\d+),127\.0\.0\.1:\d+,127\.0\.0\.1:\d+\/mymaster\n$/],
  ])('starts a %s and stops all of it on SIGTERM', async (topology, pattern) => {
    const port = await freePort(true);
    const program = runCli([topology, '--port', String(port)]);
    expect(pattern.exec(await program.printed(pattern))?.[1]).toBe(String(port));
    program.child.kill('SIGTERM');
    expect(await program.ended).toMatchObject({ status: 0 });
    expect(await Promise.all([port, port + 1, port + 2].map(isPortFree))).toEqual([true, true, true]);
  });

  it('ends with status 1 when its server ends', async () => {
    const port = await freePort();
    const program = runCli(['--port', String(port)]);
    await program.printed(/\n/);
    await withConnection({ host: '127.0.0.1', port }, (redis) => redis.command('SHUTDOWN', 'NOSAVE')).catch(
      () => 'gone',
    );
    const { status, stderr } = await program.ended;
    expect([status, stderr]).toEqual([1, expect.stringContaining('A server process has ended by itself')]);
  });

  it('ends when the npm that started it is killed', async () => {
    const port = await freePort();
    const shellOfNpm = ['sh', '-c', '"$@" & wait', 'sh'];
    const program = runProgram('src/cli.ts', ['--port', String(port)], { npm_execpath: '/npm-cli.js' }, shellOfNpm);
    running.push(program);
    await program.printed(/\n/);
    program.child.kill('SIGKILL');
    const refused = await waitUntil({ goal: 'the port to refuse' }, async () => (await isPortFree(port)) || undefined);
    expect(refused).toBe(true);
  });

  it('ends with status 1 and one line when the port is taken', async () => {
    const server = await startRedis();
    try {
      const { status, stderr } = await runCli(['--port', String(server.port)]).ended;
      expect([status, stderr]).toEqual([1, `Port ${server.port} on 127.0.0.1 is already in use\n`]);
    } finally {
      await server.stop();
    }
  });

  it('ends with status 1 and the three ways to a Redis when there is none', async () => {
    const { status, stderr } = await runCli([], { SALLYPORT_REDIS_SERVER: '/no/such/redis-server' }).ended;
    expect(status).toBe(1);
    expect(stderr).toMatch(/SALLYPORT_REDIS_SERVER is set[^]*1\. Install it[^]*2\. Name a[^]*3\. Use one/);
  });

  it.each([
    [['ring'], 'Unknown topology "ring"'],
    [['--port', '0'], 'port must be an integer from 1 to 65535, got 0'],
  ])('ends with status 2 and the usage for %j', async (args, message) => {
    const { status, stdout, stderr } = await runCli(args).ended;
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(new RegExp(`^${message}\\n\\nUsage: sallyport-redis`));
  });

  it('prints the usage to stdout for --help', async () => {
    const { status, stdout } = await runCli(['--help']).ended;
    expect([status, stdout.split('\n')[0]]).toEqual([
      0,
      'Usage: sallyport-redis [single|cluster|sentinel] [options] [-- redis-server arguments]',
    ]);
  });
});
