import { Cluster, type Redis } from 'ioredis';

/**
 * Looking at keys from outside of the package under test. Reads with SCAN, which is complete for keys that live through the
 * whole scan. Names are raw: use a client without `keyPrefix`.
 */

/** All keys that match the glob `pattern`, sorted; of every master when `redis` is a Cluster. */
export async function keysUnder(redis: Redis | Cluster, pattern: string): Promise<string[]> {
  const nodes = redis instanceof Cluster ? redis.nodes('master') : [redis];
  const keys = new Set<string>();
  for (const node of nodes) {
    let cursor = '0';
    do {
      const [next, page] = await node.scan(cursor, 'MATCH', pattern, 'COUNT', 1000);
      cursor = next;
      for (const key of page) keys.add(key);
    } while (cursor !== '0');
  }
  return [...keys].toSorted();
}

/** All keys of the database that begin with none of `prefixes`, sorted. */
export async function keysOutside(redis: Redis | Cluster, prefixes: readonly string[]): Promise<string[]> {
  const keys = await keysUnder(redis, '*');
  return keys.filter((key) => !prefixes.some((prefix) => key.startsWith(prefix)));
}

/** Exceptions for {@link expectTtlOnAllKeys}. */
export interface TtlExpectation {
  /** Keys that live forever for a documented reason: exact names, or patterns. */
  readonly except?: readonly (string | RegExp)[];
}

/**
 * Asserts that there are keys under `prefix` and that each of them expires.
 *
 * @throws {Error} naming the keys without TTL; also when there is no key at all, because then nothing was checked.
 */
export async function expectTtlOnAllKeys(
  redis: Redis | Cluster,
  prefix: string,
  options: TtlExpectation = {},
): Promise<void> {
  const keys = await keysUnder(redis, `${escapeGlob(prefix)}*`);
  if (keys.length === 0) throw new Error(`There is no key under ${JSON.stringify(prefix)}, so no TTL to check`);
  const immortal: string[] = [];
  for (const key of keys) {
    if ((await redis.pttl(key)) === -1 && !isExcepted(key, options.except ?? [])) immortal.push(key);
  }
  if (immortal.length > 0) throw new Error(`Keys without TTL: ${immortal.join(', ')}`);
}

function isExcepted(key: string, exceptions: readonly (string | RegExp)[]): boolean {
  return exceptions.some((exception) => (typeof exception === 'string' ? exception === key : exception.test(key)));
}

/** Makes `text` match only itself in a SCAN pattern. */
export function escapeGlob(text: string): string {
  return text.replaceAll(/[*?[\]\\^]/g, String.raw`\$&`);
}
