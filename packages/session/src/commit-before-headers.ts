// Holds a response back until its session is saved, so that a client that follows a redirect finds its data and nobody is
// told of success before it is one. A response whose session did not change passes untouched and synchronously.
//
//   open ──first byte──► committing ──saved──► sent            write, end, writeHead and flushHeaders wait in order
//     └──nothing to save──► sent       └──failed──► refusing ──► refused    an error response; the rest is dropped
//
// `res.write()` has to answer at once: while waiting it answers `false`, the usual sign to wait for 'drain'. A writer that
// ignores it is buffered for as long as a save may take.

import type { ServerResponse } from 'node:http';
import { lockHeaders, type HeaderLock } from './header-lock.js';

/** What a response needs to know of its session. */
export interface ResponseCommit {
  /** Whether there is something to save; `hasCookie` is false when the headers have left. */
  isNeeded(hasCookie: boolean): boolean;
  /** Saves the session. */
  run(hasCookie: boolean): Promise<void>;
  /** Called once, right before the headers leave. */
  settle(): void;
  /** Answers with an error in place of the response, whose headers have not left. */
  refuse(error: unknown): void;
}

type Phase = 'open' | 'committing' | 'sent' | 'refusing' | 'refused';

export function commitBeforeHeaders(res: ServerResponse, commit: ResponseCommit): void {
  const write = res.write.bind(res);
  const end = res.end.bind(res);
  const writeHead = res.writeHead.bind(res);
  const flushHeaders = res.flushHeaders.bind(res);
  let phase: Phase = 'open';
  let hasEnded = false;
  let hasHeldWriter = false;
  let waiting: (() => unknown)[] = [];
  let lock: HeaderLock | undefined;

  /** Runs the operation, now or when the session is saved; gives its result, or `undefined` when it has to wait. */
  function pass(operation: () => unknown): unknown {
    if (phase === 'refused') return undefined;
    if (phase === 'open' && commit.isNeeded(true)) {
      lock = lockHeaders(res);
      start(true);
    }
    if (phase === 'committing') {
      waiting.push(operation);
      return undefined;
    }
    if (phase === 'open') settle();
    return operation();
  }

  function start(hasCookie: boolean): void {
    phase = 'committing';
    commit.run(hasCookie).then(release, fail).catch(fail);
  }

  function settle(): void {
    phase = 'sent';
    commit.settle();
  }

  function release(): void {
    lock?.unlock();
    if (lock === undefined) phase = 'sent';
    else settle();
    lock = undefined;
    const operations = waiting;
    waiting = [];
    let result: unknown;
    for (const operation of operations) result = operation();
    if (hasHeldWriter && result !== false && !hasEnded) res.emit('drain');
    hasHeldWriter = false;
  }

  function fail(error: unknown): void {
    lock?.unlock();
    lock = undefined;
    waiting = [];
    // The client has been promised a response already: it must see that it is not whole.
    if (res.headersSent) {
      res.destroy();
    } else {
      phase = 'refusing';
      hasEnded = false;
      commit.refuse(error);
    }
    phase = 'refused';
    hasEnded = true;
    // Whoever waits to write may go on; it is dropped.
    if (hasHeldWriter) res.emit('drain');
  }

  res.write = function (this: ServerResponse, ...args: unknown[]): boolean {
    if (phase === 'refused') return true;
    const result = pass(() => Reflect.apply(write, res, args));
    if (phase !== 'committing') return result !== false;
    hasHeldWriter = true;
    return false;
  } as typeof res.write;

  res.end = function (this: ServerResponse, ...args: unknown[]): ServerResponse {
    if (hasEnded) return res;
    hasEnded = true;
    // express-session's own end() takes no callback.
    const callback = args.find((argument) => typeof argument === 'function');
    if (callback !== undefined) res.once('finish', callback as () => void);
    const [chunk, encoding] = args.filter((argument) => typeof argument !== 'function');
    // A stream that changed its session on the way: its last byte waits, its headers cannot.
    if (phase === 'sent' && commit.isNeeded(false)) start(false);
    pass(() => Reflect.apply(end, res, [chunk, encoding]));
    lock?.markEnded();
    return res;
  } as typeof res.end;

  res.writeHead = function (this: ServerResponse, ...args: [number, ...unknown[]]): ServerResponse {
    if (phase === 'open') res.statusCode = args[0];
    pass(() => Reflect.apply(writeHead, res, args));
    return res;
  };

  res.flushHeaders = function (this: ServerResponse): void {
    pass(flushHeaders);
  };
}
