// Tags that a handler gives its response while it makes it.

import type { Response } from 'express';
import { headerOf } from './response-head.js';

const MAX_TAGS = 64;
const given = new WeakMap<Response, Set<string>>();

/**
 * Tags the response, in a handler behind `responseCache`; `res.locals.cacheTags` and the response headers `Cache-Tag` and
 * `Surrogate-Key` do the same. To be called before the response ends.
 */
export function tagResponse(res: Response, ...tags: string[]): void {
  const known = given.get(res) ?? new Set();
  for (const tag of tags) known.add(tag);
  given.set(res, known);
}

/** The tags that the handler has given, sorted; `undefined` when they are more than 64 or no texts. */
export function tagsOfResponse(res: Response): string[] | undefined {
  const { cacheTags = [] } = res.locals as { cacheTags?: unknown };
  if (!Array.isArray(cacheTags)) return undefined;
  const tags = new Set<unknown>([
    ...(cacheTags as unknown[]),
    ...(given.get(res) ?? []),
    ...split(headerOf(res, 'cache-tag'), ','),
    ...split(headerOf(res, 'surrogate-key')?.replaceAll(',', ' '), ' '),
  ]);
  const list = [...tags].filter((tag): tag is string => typeof tag === 'string' && tag !== '');
  return list.length < tags.size || list.length > MAX_TAGS ? undefined : list.toSorted();
}

function split(value: string | undefined, separator: string): string[] {
  return (value ?? '')
    .split(separator)
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
}

/** Both lists as one; only the newer when that is too long. */
export function uniteTags(newer: readonly string[], older: readonly string[]): readonly string[] {
  const all = [...new Set([...newer, ...older])];
  return all.length > MAX_TAGS ? newer : all;
}
