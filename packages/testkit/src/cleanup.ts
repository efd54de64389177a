import { isInJest, jestGlobals } from './jest-globals.js';

/**
 * What the fixtures opened is closed when the test file ends, last opened first: clients before the server they talk to.
 *
 * The hook is registered while the testkit is being imported, because Jest refuses hooks once tests run. So it precedes a test
 * file's own `afterAll` at the top level: put teardown that needs Redis into an `afterAll` inside a `describe`.
 */
const closers: (() => Promise<unknown>)[] = [];

/** Registers `close` for the end of the test file (or of the run, in a child process). */
export function onFileEnd(close: () => Promise<unknown>): void {
  closers.push(close);
}

/**
 * Closes everything that is registered, also when one of the closers fails.
 *
 * @throws {AggregateError} when closers failed; the others have run.
 */
export async function closeAll(): Promise<void> {
  const failures: unknown[] = [];
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
    try {
      await close();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'Fixtures could not be closed');
}

// Long enough for a full proof's hundred thousand keys on a busy machine.
if (isInJest()) jestGlobals().afterAll(closeAll, 120_000);
