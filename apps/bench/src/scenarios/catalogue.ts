import type { Scenario } from '../scenario.js';

/** The scenario that all others are divided by. */
export const REFERENCE = 'express/json';

/** Loads one scenario, and with it only the packages that it needs: others might patch what is measured. */
type Load = () => Promise<Scenario>;

/** All scenarios, in the order of the table. */
export const catalogue: ReadonlyMap<string, Load> = new Map<string, Load>([
  ['node/http', async () => (await import('./node-http.js')).nodeHttp],
  [REFERENCE, async () => (await import('./express-json.js')).expressJson],
  ['rate-limit/allowed', async () => (await import('./rate-limit-allowed.js')).rateLimitAllowed],
  ['response-cache/hit', async () => (await import('./response-cache-hit.js')).responseCacheHit],
  ['session/read', async () => (await import('./session-read.js')).sessionRead],
  ['idempotency/replay', async () => (await import('./idempotency-replay.js')).idempotencyReplay],
  ['lock/cycle', async () => (await import('./lock-cycle.js')).lockCycle],
  ['stack/sallyport', async () => (await import('./whole-stack.js')).wholeStack],
]);

/** @throws {RangeError} for a name that is not in the catalogue */
export async function loadScenario(name: string): Promise<Scenario> {
  const load = catalogue.get(name);
  if (load === undefined) throw new RangeError(`There is no scenario ${name}: ${[...catalogue.keys()].join(', ')}`);
  const scenario = await load();
  if (scenario.name !== name) throw new RangeError(`The scenario ${name} calls itself ${scenario.name}`);
  return scenario;
}
