import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import * as independent from 'structured-headers';
import { parseDictionary, parseList, type Member } from '../../src/parsing/structured-fields-parser.js';

const numRuns = process.env['SALLYPORT_TEST'] === 'full' ? 100_000 : 5_000;

/**
 * Text that is a structured field, nearly one, or not at all. Without Dates: the independent parser takes one only at the end
 * of a field, where RFC 9651 §4.2.9 takes it anywhere.
 */
const PIECES = [
  ['a', 'b*', 'limit', '=', ';', '; ', ',', ', ', ' ', '\t', '(', ')', '"', '"a b"', '"\\""', '\\', ':'],
  [':YQ==:', ':YQ:', ':YQ=:', ':YWJj:', '?1', '?2', '1', '-1', '007', '1.5', '1.', '1.1234', '999999999999999'],
  ['1000000000000000', '-', '%"f%c3%bc"', '%"%ff"', '%', 'T/x:y', '*', 'é', 'A', '=?0', '=1', '="x"'],
].flat();
const pieces = fc.constantFrom(...PIECES);
const texts = fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join(''));

function outcomeOf(parse: () => unknown): string {
  try {
    return JSON.stringify(parse()) ?? 'malformed';
  } catch {
    return 'malformed';
  }
}

/** Both results in one form. */
function plain({ item, parameters }: Member): unknown {
  const value =
    item.type === 'inner-list'
      ? item.value.map(plain)
      : item.value instanceof Uint8Array
        ? [...item.value]
        : item.value;
  return [value, [...parameters].map(([key, parameter]) => [key, plain({ item: parameter, parameters: new Map() })])];
}

function plainIndependent([value, parameters]: independent.Item | independent.InnerList): unknown {
  const bare = (item: unknown): unknown => {
    if (item instanceof ArrayBuffer) return [...new Uint8Array(item)];
    return item instanceof independent.Token || item instanceof independent.DisplayString ? item.toString() : item;
  };
  const shown = Array.isArray(value) ? value.map(plainIndependent) : bare(value);
  return [shown, [...parameters].map(([key, parameter]) => [key, [bare(parameter), []]])];
}

/** Without `expect`, which is slow in a hundred thousand calls. */
function expectSame(text: string, ours: string, theirs: string): void {
  if (ours !== theirs) throw new Error(`${JSON.stringify(text)} is ${ours} here and ${theirs} there`);
}

describe('parseList()', () => {
  it('agrees with an independent parser on anything (RFC 9651 §4.2.1)', () => {
    const property = fc.property(texts, (text) => {
      const ours = outcomeOf(() => parseList(text)?.map(plain));
      expectSame(
        text,
        ours,
        outcomeOf(() => independent.parseList(text).map(plainIndependent)),
      );
    });
    fc.assert(property, { numRuns });
  });

  it.each([
    ['@1659578233, a', 1_659_578_233],
    ['@-1;p=@2', -1],
    ['(@0)', undefined],
  ])('reads Dates: %s (RFC 9651 §4.2.9)', (text, seconds) => {
    const [first] = parseList(text) ?? [];
    expect(first?.item).toMatchObject(
      seconds === undefined ? { type: 'inner-list' } : { type: 'date', value: seconds },
    );
  });

  it.each(['@1.5', '@', '@ 1', '@a', '@1000000000000000'])('refuses %s (RFC 9651 §4.2.9)', (text) => {
    expect(parseList(text)).toBeUndefined();
  });

  it('takes an absent field for an empty List', () => {
    expect(parseList('')).toEqual([]);
    expect(parseList('   ')).toEqual([]);
  });
});

describe('parseDictionary()', () => {
  it('agrees with an independent parser on anything (RFC 9651 §4.2.2)', () => {
    const keys = fc.constantFrom('a', 'b', 'limit', '*x');
    const entries = fc.tuple(keys, fc.constantFrom('=', ''), texts).map((parts) => parts.join(''));
    const dictionaries = fc.oneof(
      texts,
      fc.array(entries, { maxLength: 3 }).map((members) => members.join(', ')),
    );
    const property = fc.property(dictionaries, (text) => {
      const members = parseDictionary(text);
      const ours = outcomeOf(() => members && [...members].map(([key, member]) => [key, plain(member)]));
      const theirs = outcomeOf(() =>
        [...independent.parseDictionary(text)].map(([key, item]) => [key, plainIndependent(item)]),
      );
      expectSame(text, ours, theirs);
    });
    fc.assert(property, { numRuns });
  });

  it('reads hostile text in linear time', () => {
    const started = performance.now();
    for (const text of ['"', '(', 'a;', 'a=', ':A', '%"'].map((piece) => piece.repeat(50_000)))
      parseDictionary(`a=${text}`);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});
