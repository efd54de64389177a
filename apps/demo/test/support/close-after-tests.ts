import { afterAll } from '@jest/globals';

const closers: (() => Promise<unknown>)[] = [];

/** Runs `close` when the test file ends, last registered first. */
export function closeAfterTests(close: () => Promise<unknown>): void {
  closers.push(close);
}

// Registered while the file is imported: Jest takes no more hooks once tests run.
afterAll(async () => {
  for (const close of closers.toReversed()) await close();
}, 30_000);
