// The record of a URL, and how the parts of an entry are called.

/** What is known about a URL. */
export interface UrlRecord {
  /** Header names, lower case, sorted. */
  readonly names: readonly string[];
  /** Variants, the oldest first. */
  readonly ids: readonly string[];
  /** Tags that handlers have given its responses. */
  readonly tags: readonly string[];
  /** Longest TTL of a variant in milliseconds. */
  readonly lifeMs: number;
}

/** Part that holds the record. */
export const RECORD = 'vary';

/** Part that holds a response. */
export function variantPart(variant: string): string {
  return `variant-${variant}`;
}

/** Part that is there while the response is fresh. */
export function freshPart(variant: string): string {
  return `fresh-${variant}`;
}

/** Gives the record, or `undefined` when the bytes are none. */
export function parseRecord(bytes: Buffer): UrlRecord | undefined {
  try {
    const { names, ids, tags, lifeMs } = JSON.parse(bytes.toString()) as Partial<UrlRecord>;
    return Array.isArray(names) && Array.isArray(ids) && Array.isArray(tags) && typeof lifeMs === 'number'
      ? { names: names.map(String), ids: ids.map(String), tags: tags.map(String), lifeMs }
      : undefined;
  } catch {
    // No JSON: not written by this cache.
    return undefined;
  }
}
