import { existsSync, readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { fileURLToPath } from 'node:url';

const maps = new Map<string, SourceMap | undefined>();

/** The place in the TypeScript for one in our builds; lines and columns begin with 0. Other files are as they are. */
export function sourceOf(url: string, line: number, column: number): { readonly url: string; readonly line: number } {
  if (!maps.has(url)) maps.set(url, read(url));
  const entry = maps.get(url)?.findEntry(line, column);
  if (entry === undefined || !('originalSource' in entry)) return { url, line };
  return { url: new URL(entry.originalSource, url).href, line: entry.originalLine };
}

function read(url: string): SourceMap | undefined {
  if (!url.startsWith('file:') || url.includes('/node_modules/')) return undefined;
  const file = `${fileURLToPath(url)}.map`;
  return existsSync(file) ? new SourceMap(JSON.parse(readFileSync(file, 'utf8')) as SourceMapPayload) : undefined;
}
