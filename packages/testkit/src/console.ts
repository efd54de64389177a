const allowed = Symbol.for('sallyport.allowConsole');

/**
 * Lets the current test print to the console, which otherwise fails it. Call it inside the test; it ends with the test.
 * The check itself lives in `jest/fail-on-console.mjs`, which Jest loads outside of the module graph of the tests.
 */
export function allowConsole(): void {
  Reflect.set(globalThis, allowed, true);
}
