import { afterEach } from '@jest/globals';

const endings: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});

/** Runs `end` when the current test is over, also when it failed. */
export function onTestFinished(end: () => unknown): void {
  endings.push(end);
}
