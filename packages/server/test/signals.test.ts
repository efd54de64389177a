import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { until } from '@sallyport/testkit';
import { onTestFinished } from './on-test-finished.js';

/** A service in a process of its own, which prints its port, then what happens. */
async function serviceProcess(...args: string[]) {
  const tsx = createRequire(import.meta.resolve('@sallyport/testkit')).resolve('tsx');
  const file = fileURLToPath(new URL('./service-process.ts', import.meta.url));
  const child = spawn(process.execPath, ['--conditions=@sallyport/source', '--import', tsx, file, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()));
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const port = Number(await until(() => /^port (\d+)\n/.exec(output)?.[1], { timeoutMs: 15_000 }));
  return { child, exited, port, output: () => output.split('\n').slice(1, -1) };
}

function ask(port: number, path: string) {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (bytes: Buffer) => (text += bytes.toString())).on('error', () => undefined);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  return { closed: once(socket, 'close').then(() => text) };
}

describe('signals', () => {
  it('answers what is under way, runs onShutdown and ends with 0 on SIGTERM', async () => {
    const service = await serviceProcess('10000');
    const client = ask(service.port, '/slow');
    await until(() => service.output().includes('request'));
    service.child.kill('SIGTERM');
    expect(await client.closed).toMatch(/Connection: close[^]*slow/);
    expect(await service.exited).toEqual([0, null]);
    expect(service.output()).toEqual(['request', 'shutdown-started SIGTERM', 'shutdown-drained SIGTERM', 'onShutdown']);
  });

  it('ends with 1 when a request was cut', async () => {
    const service = await serviceProcess('50');
    void ask(service.port, '/never');
    await until(() => service.output().includes('request'));
    service.child.kill('SIGTERM');
    expect(await service.exited).toEqual([1, null]);
  });

  it('ends at once when the same signal comes again', async () => {
    const service = await serviceProcess('60000');
    void ask(service.port, '/never');
    await until(() => service.output().includes('request'));
    service.child.kill('SIGTERM');
    await until(() => service.output().includes('shutdown-started SIGTERM'));
    service.child.kill('SIGTERM');
    expect(await service.exited).toEqual([1, null]);
  });
});
