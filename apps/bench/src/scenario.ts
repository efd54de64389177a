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

/** What is measured: a server, the one request that is repeated, and what its answer must be. */
export interface Scenario {
  /** `<subject>/<case>`. */
  readonly name: string;
  /** What the request goes through, for the list of scenarios. */
  readonly description: string;
  /** Makes the handler, in the server's process. `connect` gives a client to Redis, as an application would make it. */
  serve(connect: () => Redis): RequestListener | Promise<RequestListener>;
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
  readonly body: string;
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
  if (answer.body !== body) throw new WrongAnswerError(`another body: ${answer.body.slice(0, 200)}`);
}
