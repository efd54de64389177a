import type * as Jest from '@jest/globals';

/**
 * Jest's functions, taken from the global scope on use. Importing `@jest/globals` would throw in the child processes of
 * `runProcesses()`, which import the testkit too but run outside of Jest.
 */
export function jestGlobals(): typeof Jest {
  if (!isInJest()) throw new Error('This fixture registers tests or makes assertions: it needs Jest');
  return globalThis as unknown as typeof Jest;
}

/** True inside a test file, false in a child process and in plain Node. */
export function isInJest(): boolean {
  return typeof Reflect.get(globalThis, 'afterAll') === 'function';
}
