// Replaces methods of one response, and puts them back. Kept apart, because other middleware does the same: what stood
// there before is called, never the prototype's method.

import type { ServerResponse } from 'node:http';

type Method = 'write' | 'end' | 'writeHead' | 'addTrailers';
type AnyFunction = (...args: unknown[]) => unknown;

/** The methods as they were. */
export interface OriginalMethods {
  write(...args: unknown[]): boolean;
  end(...args: unknown[]): void;
  writeHead(...args: unknown[]): void;
  addTrailers(...args: unknown[]): void;
  /** Ends the replacement: calls go to the originals again. */
  restore(): void;
}

/** Replaces the methods through which every answer leaves, however it is sent. */
export function overrideMethods(res: ServerResponse, methods: Record<Method, AnyFunction>): OriginalMethods {
  // Called with the response as `this`, and put back as they were.
  const { write, end, writeHead, addTrailers } = res as unknown as Record<Method, AnyFunction>;
  const originals = { write, end, writeHead, addTrailers };
  Object.assign(res, methods);
  return {
    write: (...args) => Boolean(originals.write.apply(res, args)),
    end: (...args) => void originals.end.apply(res, args),
    writeHead: (...args) => void originals.writeHead.apply(res, args),
    addTrailers: (...args) => void originals.addTrailers.apply(res, args),
    restore: () => void Object.assign(res, originals),
  };
}

/**
 * Lets a response that is held back look as it would otherwise: begun, and perhaps ended. Error handlers and others that
 * look before they write then leave it alone.
 *
 * @returns the function that ends the pretence
 */
export function pretendSent(res: ServerResponse, isEnded: boolean): () => void {
  const names = isEnded ? ['headersSent', 'writableEnded'] : ['headersSent'];
  for (const name of names) Object.defineProperty(res, name, { configurable: true, get: () => true });
  return () => {
    for (const name of names) Reflect.deleteProperty(res, name);
  };
}

/** A call of `write` or `end`, its optional arguments told apart. */
export interface WriteCall {
  readonly chunk: unknown;
  readonly encoding: BufferEncoding | undefined;
  readonly callback: AnyFunction | undefined;
}

/** Sorts the arguments of `write(chunk?, encoding?, callback?)`. */
export function readWriteCall(args: readonly unknown[]): WriteCall {
  const callback = args.find((arg): arg is AnyFunction => typeof arg === 'function');
  const [chunk, encoding] = args.filter((arg) => typeof arg !== 'function');
  return { chunk, encoding: typeof encoding === 'string' ? (encoding as BufferEncoding) : undefined, callback };
}

/** Does what `writeHead(status, reason?, headers?)` does to the response, without sending it. */
export function applyWriteHead(res: ServerResponse, args: readonly unknown[]): void {
  const [status, ...rest] = args;
  res.statusCode = Number(status);
  if (typeof rest[0] === 'string') res.statusMessage = rest[0];
  const headers = typeof rest[0] === 'string' || rest[0] === undefined ? rest[1] : rest[0];
  if (Array.isArray(headers)) {
    // Names and values in turn; a name that comes twice has two values, as in newer versions of Node.
    const pairs = headers.flat() as string[];
    for (let at = 0; at < pairs.length; at += 2) res.removeHeader(pairs[at] ?? '');
    for (let at = 0; at < pairs.length; at += 2) res.appendHeader(pairs[at] ?? '', pairs[at + 1] ?? '');
  } else {
    for (const [name, value] of Object.entries((headers ?? {}) as Record<string, string>)) {
      if (value !== undefined) res.setHeader(name, value);
    }
  }
}

/** Names and values of what `addTrailers(headers)` is given: an object or a list of pairs. */
export function readTrailers(trailers: unknown): [name: string, value: string][] {
  const pairs = Array.isArray(trailers) ? (trailers as [string, unknown][]) : Object.entries(Object(trailers));
  return pairs.map(([name, value]) => [name, String(value)]);
}
