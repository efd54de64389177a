// What is run: a scenario on one kind of server and one version of Node.

import { loadScenario, names, REFERENCE } from './catalogue.js';
import type { NodeBinary } from './node-binary.js';
import type { ServerKind } from './scenario.js';

export interface Variant {
  readonly name: string;
  readonly server: ServerKind;
  readonly node: NodeBinary;
}

/** All variants of the scenarios whose name contains `only`, with the references and baselines that they need. */
export async function variantsOf(only: string | undefined, nodes: readonly NodeBinary[]): Promise<Variant[]> {
  const matching = names.filter((name) => only === undefined || name.includes(only));
  const baselines = await Promise.all(matching.map(async (name) => (await loadScenario(name)).baseline ?? REFERENCE));
  const needed = new Set([REFERENCE, ...matching, ...baselines]);
  const variants = await Promise.all(names.filter((name) => needed.has(name)).map((name) => ofScenario(name, nodes)));
  return variants.flat();
}

async function ofScenario(name: string, nodes: readonly NodeBinary[]): Promise<Variant[]> {
  const { servers = ['fast'] } = await loadScenario(name);
  return nodes.flatMap((node) => {
    // Where V8 has mended what createServer() avoids, both servers are the same; the reference shows it.
    const kinds = node.isExpressSlow || name === REFERENCE ? servers : (['plain'] as const);
    return kinds.map((server) => ({ name, server, node }));
  });
}

/** `stack/sallyport +fast`, as in the table. */
export function labelOf({ name, server }: Pick<Variant, 'name' | 'server'>): string {
  return server === 'fast' ? `${name} +fast` : name;
}
