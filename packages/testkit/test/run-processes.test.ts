import { describe, expect, it } from '@jest/globals';
import { runProcesses, startProcess, uniquePrefix } from '@sallyport/testkit';

const child = (name: string) => new URL(`./children/${name}.ts`, import.meta.url);

describe('runProcesses()', () => {
  it('runs one process per count and gives their results in order', async () => {
    const results = await runProcesses<{ index: number; count: number; seen: number; pid: number }>({
      module: child('meet'),
      count: 3,
      args: { key: `${uniquePrefix('meet')}n` },
    });
    expect(results.map(({ index, count }) => [index, count])).toStrictEqual([
      [0, 3],
      [1, 3],
      [2, 3],
    ]);
    expect(new Set(results.map(({ pid }) => pid)).size).toBe(3);
    expect(results.every(({ pid }) => pid !== process.pid)).toBe(true);
  });

  it('holds each process at the barrier until all have arrived', async () => {
    const key = `${uniquePrefix('meet')}n`;
    const results = await runProcesses<{ seen: number }>({ module: child('meet'), count: 3, args: { key } });
    expect(results.map(({ seen }) => seen)).toStrictEqual([3, 3, 3]);
  });

  it("rejects with the failed process's error, code and stack", async () => {
    const run = runProcesses({ module: child('throw'), count: 2 });
    await expect(run).rejects.toBeInstanceOf(Error);
    await expect(run).rejects.toMatchObject({
      name: 'RangeError',
      message: 'the second process fails',
      code: 'E_SECOND',
      stack: expect.stringContaining('children/throw.ts'),
    });
  });

  it('kills the processes that are late, naming them and what was printed', async () => {
    const run = runProcesses({ module: child('hang'), count: 2, timeoutMs: 4000 });
    await expect(run).rejects.toThrow(/Not finished after 4000 ms: process 1 running[^]*process 1 prints/);
  });

  it('names a module that has no run function', async () => {
    const run = runProcesses({ module: new URL('../src/deferred.ts', import.meta.url), count: 1 });
    await expect(run).rejects.toThrow(/deferred\.ts has no export named "run"/);
  });
});

describe('startProcess()', () => {
  it('gives the value of run() while the process goes on, until it is killed', async () => {
    const server = await startProcess<string>({ module: child('serve'), args: { answer: 'hello' } });
    const response = await fetch(server.value);
    expect(await response.text()).toBe('hello');
    expect(await server.kill()).toStrictEqual({ code: null, signal: 'SIGTERM' });
    await expect(fetch(server.value)).rejects.toThrow('fetch failed');
  });

  it('tells how the process ended by itself', async () => {
    const server = await startProcess<string>({ module: child('serve'), args: { answer: '' } });
    await expect(fetch(`${server.value}/crash`)).rejects.toThrow('fetch failed');
    expect(await server.exited).toStrictEqual({ code: 7, signal: null });
  });
});
