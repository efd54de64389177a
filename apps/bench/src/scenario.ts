import type { RequestListener } from 'node:http';
import type { Redis } from 'ioredis';

/** One request, and the answer to it, without anything that changes between two of the same kind. */
export interface BenchRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** All `Set-Cookie` fields, which must not be joined. */
  readonly cookies: readonly string[];
  readonly body: string;
}

/** The Redis that a scenario may use. */
export interface BenchRedis {
  /** For libraries that make their own client. */
  readonly url: string;
  /** Gives a client of ioredis, as an application would make it. */
  readonly connect: () => Redis;
}

/** `plain`: `http.createServer()`; `fast`: `createServer()` of @sallyport/server. */
export type ServerKind = 'plain' | 'fast';

/**
 * What is measured: a server, the one request that is repeated, and what its answer must be. Its name is that of its file:
 * `scenarios/<subject>/<contender>.ts`. Contenders whose names begin with `sallyport` are ours, the others their peers.
 */
export interface Scenario {
  /** What the request goes through, for the list of scenarios. */
  readonly description: string;
  /** Where it is measured on Nodes whose Express is slow; elsewhere both are the same. @default ['fast'] */
  readonly servers?: readonly ServerKind[];
  /** The same route without what is measured: the rest is the added cost. @default 'express/json' */
  readonly baseline?: string;
  /** Whether bodies differ from answer to answer, so that `check` alone can tell. @default false */
  readonly hasVaryingBody?: boolean;
  /** Makes the handler, in the server's process. */
  serve(redis: BenchRedis): RequestListener | Promise<RequestListener>;
  /** Brings the server into the state to measure (logs in, fills the cache), and gives the request to repeat. */
  prepare(send: (request: BenchRequest) => Promise<Answer>): Promise<BenchRequest>;
  /** @throws {WrongAnswerError} when an answer is not the one that is meant to be measured */
  check(answer: Answer): void;
}

/** Thrown when a server answers otherwise than the scenario says: its figures would mean nothing. */
export class WrongAnswerError extends Error {
  override readonly name = 'WrongAnswerError';
}

/** What an answer must be. A header must match its pattern; `undefined` means that it must be absent. */
export interface Expectation {
  readonly status: number;
  readonly headers: Readonly<Record<string, RegExp | undefined>>;
  readonly body: string | RegExp;
}

/** @throws {WrongAnswerError} for the first difference */
export function expectAnswer(answer: Answer, expected: Expectation): void {
  const { status, headers, body } = expected;
  if (answer.status !== status) throw new WrongAnswerError(`status ${answer.status} instead of ${status}`);
  for (const [name, pattern] of Object.entries(headers)) {
    const value = answer.headers[name.toLowerCase()];
    const isRight = pattern === undefined ? value === undefined : value !== undefined && pattern.test(value);
    if (!isRight) throw new WrongAnswerError(`${name}: ${value ?? 'absent'} instead of ${String(pattern ?? 'absent')}`);
  }
  const isBody = typeof body === 'string' ? answer.body === body : body.test(answer.body);
  if (!isBody) throw new WrongAnswerError(`another body: ${answer.body.slice(0, 200)}`);
}
