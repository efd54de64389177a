import { once } from 'node:events';
import { closeAll } from '../cleanup.js';
import type { FromChild, ProcessContext, Task, ToChild } from './messages.js';

/**
 * The program of the child processes: imports the module that is named on the command line, waits for the start, calls its
 * `run` and reports the outcome over IPC. Runs outside of Jest.
 */
const [, , moduleUrl = ''] = process.argv;

// A child must not outlive its test run, not even when that was killed.
process.on('disconnect', () => process.exit());

async function receive(): Promise<ToChild> {
  const [message] = (await once(process, 'message')) as [ToChild];
  return message;
}

function send(message: FromChild): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(message, undefined, undefined, (error) => (error ? reject(error) : resolve()));
  });
}

async function run(): Promise<Task> {
  const module = (await import(moduleUrl)) as { run?: (args: unknown, context: ProcessContext) => unknown };
  if (typeof module.run !== 'function') throw new TypeError(`${moduleUrl} has no export named "run"`);
  const start = receive();
  await send({ type: 'ready' });
  const message = await start;
  if (message.type !== 'go') throw new Error(`Unexpected message: ${message.type}`);

  const { index, count, args } = message.task;
  let hasValue = false;
  const value = await module.run(args, {
    index,
    count,
    async barrier() {
      const pass = receive();
      await send({ type: 'arrived' });
      await pass;
    },
    ready(early) {
      hasValue = true;
      void send({ type: 'value', value: early });
    },
  });
  if (!hasValue) await send({ type: 'value', value });
  return message.task;
}

try {
  const { isLongLived } = await run();
  if (!isLongLived) {
    await closeAll();
    process.exit();
  }
} catch (reason) {
  const error = reason instanceof Error ? reason : new Error(String(reason));
  const { name, message, stack = '' } = error;
  await send({ type: 'failed', error: { name, message, stack, code: Reflect.get(error, 'code') } });
  process.exit(1);
}
