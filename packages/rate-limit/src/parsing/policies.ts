// The four forms in which servers speak of their limits, each read into the same policies. Anything malformed is ignored, as
// the drafts demand of clients: a field as a whole when its syntax is wrong, one item of it when only that is of the wrong type.

import { parseDictionary, parseList, type BareItem, type Member } from './structured-fields-parser.js';
import type { FieldReader } from './response-fields.js';

/** What a response says about one policy; only what it does say. */
export interface ParsedPolicy {
  readonly name?: string;
  /** Units per window. */
  readonly limit?: number;
  /** What is counted. */
  readonly unit?: string;
  readonly windowSeconds?: number;
  readonly remaining?: number;
  /** Seconds until more is available; in the legacy fields, until everything is. */
  readonly resetSeconds?: number;
  readonly partitionKey?: Uint8Array;
}

/** Reads `RateLimit` and `RateLimit-Policy` of revisions 08 to 11; `undefined` when they have another form. */
export function readDraft08(field: FieldReader): ParsedPolicy[] | undefined {
  const policies = namedItems(field('ratelimit-policy'), readQuota);
  for (const state of namedItems(field('ratelimit'), readState)) {
    const at = policies.findIndex((policy) => isSame(policy, state));
    if (at < 0) policies.push(state);
    else policies[at] = { ...policies[at], ...state };
  }
  return policies.length === 0 ? undefined : policies;
}

/** Reads the Dictionary `RateLimit` and the `RateLimit-Policy` of revision 07. */
export function readDraft07(field: FieldReader): ParsedPolicy[] | undefined {
  const members = parseDictionary(field('ratelimit') ?? '');
  const limit = count(members?.get('limit')?.item);
  if (members === undefined || limit === undefined) return undefined;
  const remaining = count(members.get('remaining')?.item);
  const resetSeconds = count(members.get('reset')?.item);
  return withWindows(present({ limit, remaining, resetSeconds }), parseList(field('ratelimit-policy') ?? ''));
}

/** Reads the triple of revision 06 and before, in which policies may also follow the limit. */
export function readDraft06(field: FieldReader): ParsedPolicy[] | undefined {
  const [first, ...rest] = parseList(field('ratelimit-limit') ?? '') ?? [];
  const limit = count(first?.item);
  if (limit === undefined) return undefined;
  const remaining = count(parseList(field('ratelimit-remaining') ?? '')?.[0]?.item);
  const resetSeconds = count(parseList(field('ratelimit-reset') ?? '')?.[0]?.item);
  const listed = [...rest, ...(parseList(field('ratelimit-policy') ?? '') ?? [])];
  return withWindows(present({ limit, remaining, resetSeconds }), listed);
}

/** Reads `X-RateLimit-*`; `secondsUntil` knows the meaning of Reset. */
export function readLegacy(
  field: FieldReader,
  secondsUntil: (reset: string) => number | undefined,
): ParsedPolicy[] | undefined {
  const value = (name: string) => field(`x-ratelimit-${name}`) ?? field(`x-rate-limit-${name}`);
  const [limit, remaining] = [value('limit'), value('remaining')].map((text) =>
    text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined,
  );
  if (limit === undefined && remaining === undefined) return undefined;
  const reset = value('reset');
  return [present({ limit, remaining, resetSeconds: reset === undefined ? undefined : secondsUntil(reset) })];
}

function namedItems(value: string | undefined, read: (member: Member) => ParsedPolicy | undefined): ParsedPolicy[] {
  const policies: ParsedPolicy[] = [];
  for (const member of parseList(value ?? '') ?? []) {
    const { item } = member;
    // Revisions 08 to 11 have Strings; later ones discuss Tokens.
    if (item.type !== 'string' && item.type !== 'token') continue;
    const policy = read(member);
    if (policy !== undefined) policies.push({ name: item.value, ...policy });
  }
  return policies;
}

function readQuota({ parameters }: Member): ParsedPolicy | undefined {
  const limit = count(parameters.get('q'));
  const unit = parameters.get('qu');
  const window = count(parameters.get('w'));
  const hasRightTypes =
    limit !== undefined &&
    (unit === undefined || unit.type === 'string') &&
    (!parameters.has('w') || (window !== undefined && window > 0)) &&
    hasRightKey(parameters);
  if (!hasRightTypes) return undefined;
  return present({
    limit,
    unit: unit?.value ?? 'requests',
    windowSeconds: window,
    partitionKey: parameters.get('pk')?.value,
  });
}

function readState({ parameters }: Member): ParsedPolicy | undefined {
  const remaining = count(parameters.get('r'));
  const resetSeconds = count(parameters.get('t'));
  const isWrong = remaining === undefined || (parameters.has('t') && resetSeconds === undefined);
  if (isWrong || !hasRightKey(parameters)) return undefined;
  return present({
    remaining,
    resetSeconds,
    partitionKey: parameters.get('pk')?.value,
  });
}

function hasRightKey(parameters: Member['parameters']): boolean {
  return !parameters.has('pk') || parameters.get('pk')?.type === 'bytes';
}

/** Same name, and the same partition where both tell theirs. */
function isSame(a: ParsedPolicy, b: ParsedPolicy): boolean {
  if (a.name !== b.name) return false;
  const [one, other] = [a.partitionKey, b.partitionKey];
  return one === undefined || other === undefined || Buffer.compare(one, other) === 0;
}

/**
 * The policy that the response speaks about with the others behind it. Without names, only the limit tells which of the
 * listed ones it is; when several have that limit, its window stays unknown.
 */
function withWindows(current: ParsedPolicy, listed: readonly Member[] | undefined): ParsedPolicy[] {
  const policies: ParsedPolicy[] = [];
  for (const { item, parameters } of listed ?? []) {
    const limit = count(item);
    const window = count(parameters.get('w'));
    if (limit !== undefined) policies.push(present({ limit, windowSeconds: window }));
  }
  const same = policies.filter(({ limit }) => limit === current.limit);
  if (same.length !== 1) return [current, ...policies];
  return [{ ...same[0], ...current }, ...policies.filter((policy) => policy !== same[0])];
}

/** A non-negative Integer. */
function count(item: BareItem | undefined): number | undefined {
  return item?.type === 'integer' && item.value >= 0 ? item.value : undefined;
}

/** Leaves out what is not there, so that `'limit' in policy` means what it says. */
function present(policy: { [Name in keyof ParsedPolicy]?: unknown }): ParsedPolicy {
  return Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== undefined));
}
