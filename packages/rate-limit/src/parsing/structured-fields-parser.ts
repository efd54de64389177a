// Reads structured field values (RFC 9651 §4.2) as a client must: completely, or not at all. Every type is understood, also
// those that no rate limit field uses, because a parameter that we don't know must not make a field malformed.

/** A value without parameters. */
export type BareItem =
  | { readonly type: 'integer' | 'decimal' | 'date'; readonly value: number }
  | { readonly type: 'string' | 'token' | 'display-string'; readonly value: string }
  | { readonly type: 'boolean'; readonly value: boolean }
  | { readonly type: 'bytes'; readonly value: Uint8Array }
  | { readonly type: 'inner-list'; readonly value: readonly Member[] };

/** A member of a List or Dictionary: an Item or an Inner List, with its parameters. */
export interface Member {
  readonly item: BareItem;
  readonly parameters: ReadonlyMap<string, BareItem>;
}

/** Reads a List; `undefined` when the value is malformed. An empty one is an empty List. */
export function parseList(text: string): readonly Member[] | undefined {
  return parseField(text, (scanner) => {
    const members: Member[] = [];
    scanner.separated(() => members.push(scanner.member()));
    return members;
  });
}

/** Reads a Dictionary; `undefined` when the value is malformed. Of equal keys the last one counts. */
export function parseDictionary(text: string): ReadonlyMap<string, Member> | undefined {
  return parseField(text, (scanner) => {
    const members = new Map<string, Member>();
    scanner.separated(() => {
      const key = scanner.key();
      const isTrue: BareItem = { type: 'boolean', value: true };
      members.set(key, scanner.take(/=/y) ? scanner.member() : { item: isTrue, parameters: scanner.parameters() });
    });
    return members;
  });
}

/** Thrown and caught in this file only. */
class Malformed extends Error {}

function parseField<T>(text: string, read: (scanner: Scanner) => T): T | undefined {
  try {
    return read(new Scanner(text));
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    // Only spaces, not tabs, may surround a field (RFC 9651 §4.2).
    this.#text = text.replace(/^ +/, '').replace(/ +$/, '');
  }

  /** Moves over what `pattern` (sticky) matches here. */
  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text) ?? undefined;
    if (match !== undefined) this.#at += match[0].length;
    return match;
  }

  /** Reads members that commas separate, to the end. */
  separated(readMember: () => void): void {
    if (this.#text === '') return;
    for (;;) {
      readMember();
      this.take(/[ \t]*/y);
      if (this.#at === this.#text.length) return;
      if (this.take(/,[ \t]*/y) === undefined || this.#at === this.#text.length) throw new Malformed();
    }
  }

  key(): string {
    return this.take(/[a-z*][a-z0-9_.*-]*/y)?.[0] ?? malformed();
  }

  member(): Member {
    const item = this.take(/\(/y) ? this.#innerList() : this.#bareItem();
    return { item, parameters: this.parameters() };
  }

  parameters(): ReadonlyMap<string, BareItem> {
    const parameters = new Map<string, BareItem>();
    while (this.take(/; */y)) {
      const key = this.key();
      parameters.set(key, this.take(/=/y) ? this.#bareItem() : { type: 'boolean', value: true });
    }
    return parameters;
  }

  #innerList(): BareItem {
    const value: Member[] = [];
    for (;;) {
      const hasSpace = this.take(/ +/y) !== undefined;
      if (this.take(/\)/y)) return { type: 'inner-list', value };
      if (value.length > 0 && !hasSpace) throw new Malformed();
      value.push({ item: this.#bareItem(), parameters: this.parameters() });
    }
  }

  #bareItem(): BareItem {
    let match: RegExpExecArray | undefined;
    if ((match = this.take(/-?\d{1,12}\.\d{1,3}(?![\d.])/y))) return { type: 'decimal', value: Number(match[0]) };
    if ((match = this.take(/-?\d{1,15}(?![\d.])/y))) return { type: 'integer', value: Number(match[0]) };
    if ((match = this.take(/"((?:[ !#-[\]-~]|\\["\\])*)"/y))) return { type: 'string', value: unescape(match) };
    if ((match = this.take(/[A-Za-z*][\w!#$%&'*+.^`|~:/-]*/y))) return { type: 'token', value: match[0] };
    if ((match = this.take(/:([A-Za-z0-9+/]*={0,2}):/y))) return bytes(match);
    if ((match = this.take(/\?([01])/y))) return { type: 'boolean', value: match[1] === '1' };
    if ((match = this.take(/@(-?\d{1,15})(?![\d.])/y))) return { type: 'date', value: Number(match[1]) };
    if ((match = this.take(/%"((?:[ !#$&-~]|%[0-9a-f]{2})*)"/y))) return displayString(match);
    throw new Malformed();
  }
}

function malformed(): never {
  throw new Malformed();
}

function unescape([, inner = '']: RegExpExecArray): string {
  return inner.replaceAll(/\\(.)/g, '$1');
}

function bytes([, base64 = '']: RegExpExecArray): BareItem {
  // RFC 9651 §4.2.7: padding may be absent, but when it is there it must be right; one character alone holds no byte.
  if (base64.length % 4 === 1 || (base64.endsWith('=') && base64.length % 4 !== 0)) throw new Malformed();
  return { type: 'bytes', value: new Uint8Array(Buffer.from(base64, 'base64')) };
}

function displayString([, inner = '']: RegExpExecArray): BareItem {
  const raw = inner.replaceAll(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  try {
    return { type: 'display-string', value: decoder.decode(Buffer.from(raw, 'latin1')) };
  } catch {
    // The only way to fail: bytes that are no UTF-8.
    throw new Malformed();
  }
}
