/**
 * The timers as they were when the file was loaded. Fixtures that wait must keep waiting for real while a test has replaced
 * the global timers by fake ones.
 */
const { setTimeout: realSetTimeout, clearTimeout: realClearTimeout } = globalThis;
const realNow = performance.now.bind(performance);

export { realClearTimeout, realNow, realSetTimeout };

/** Resolves after `ms` of real time. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    realSetTimeout(resolve, ms);
  });
}
