import { format } from 'node:util';
import { afterEach, beforeEach } from '@jest/globals';

/**
 * A library that prints is a library that somebody has to silence: any console output fails the test that caused it.
 * `allowConsole()` of the testkit opts one test out. Output between tests (module top level, late timers) fails the next test.
 * Unhandled rejections need nothing here: Jest blames the running test for them.
 */
const methods = ['debug', 'error', 'info', 'log', 'trace', 'warn'];
const allowed = Symbol.for('sallyport.allowConsole');
const printed = [];

for (const method of methods) {
  const original = console[method].bind(console);
  console[method] = (...args) => {
    original(...args);
    // The stack says who printed; the first line of it is this function.
    printed.push(
      `console.${method}: ${format(...args)}\n${new Error('printed here').stack.split('\n').slice(2, 6).join('\n')}`,
    );
  };
}

beforeEach(() => {
  globalThis[allowed] = false;
});

afterEach(() => {
  const output = printed.splice(0);
  if (output.length > 0 && !globalThis[allowed]) {
    throw new Error(
      `The test printed to the console. Remove the output, or call allowConsole() in the test.\n\n${output.join('\n\n')}`,
    );
  }
});
