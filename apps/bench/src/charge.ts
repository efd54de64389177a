// Who costs what in a CPU profile: each sample is charged to the nearest package on its stack, so that what Node's core does
// for a package counts for the package; and to the line of the package's own code that it was in.

import type { Profiler } from 'node:inspector';

/** A package or a line, and its share of the samples, 0 to 1. */
export interface Charge {
  readonly who: string;
  readonly share: number;
}

export interface Charges {
  readonly packages: readonly Charge[];
  /** `packages/session/src/cookie.ts:41 readCookie`, self time together with what Node's core did for it. */
  readonly lines: readonly Charge[];
}

/** Gives the place in the source for one in a build. */
export type Locate = (url: string, line: number, column: number) => { readonly url: string; readonly line: number };

export function charge(profile: Profiler.Profile, locate: Locate = (url, line) => ({ url, line })): Charges {
  const parents = new Map<number, Profiler.ProfileNode>();
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  for (const node of profile.nodes) for (const child of node.children ?? []) parents.set(child, node);
  const byPackage = new Map<string, number>();
  const byLine = new Map<string, number>();
  let total = 0;
  for (const id of profile.samples ?? []) {
    const node = nodes.get(id);
    if (node === undefined || node.callFrame.functionName === '(idle)') continue;
    total += 1;
    const owner = ownerOf(node, parents, locate);
    add(byPackage, owner.who);
    if (owner.line !== undefined) add(byLine, owner.line);
  }
  return { packages: sharesOf(byPackage, total), lines: sharesOf(byLine, total) };
}

function ownerOf(leaf: Profiler.ProfileNode, parents: ReadonlyMap<number, Profiler.ProfileNode>, locate: Locate) {
  for (let node: Profiler.ProfileNode | undefined = leaf; node !== undefined; node = parents.get(node.id)) {
    const { url, functionName, lineNumber, columnNumber } = node.callFrame;
    if (fileOf(url) === undefined) continue;
    const place = locate(url, lineNumber, columnNumber);
    const file = fileOf(place.url);
    if (file !== undefined) return { who: file.who, line: `${file.path}:${place.line + 1} ${functionName}` };
  }
  const { functionName } = leaf.callFrame;
  return { who: /^\((garbage collector|program)\)$/.test(functionName) ? functionName : 'node core', line: undefined };
}

/** Which package a file belongs to; nothing for Node's own. */
function fileOf(url: string): { readonly who: string; readonly path: string } | undefined {
  const installed = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\/(.*)$/.exec(url);
  if (installed?.[1] !== undefined) return { who: installed[1], path: `${installed[1]}/${installed[2]}` };
  const own = /\/((?:packages|apps)\/([^/]+)\/.*)$/.exec(url);
  if (own?.[1] !== undefined)
    return { who: own[1].startsWith('apps/') ? 'scenario' : `@sallyport/${own[2]}`, path: own[1] };
  return undefined;
}

function add(counts: Map<string, number>, who: string): void {
  counts.set(who, (counts.get(who) ?? 0) + 1);
}

function sharesOf(counts: ReadonlyMap<string, number>, total: number): Charge[] {
  const shares = [...counts].map(([who, count]) => ({ who, share: count / total }));
  return shares.toSorted((a, b) => b.share - a.share);
}
