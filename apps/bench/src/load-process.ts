// The program that makes the load: one keep-alive connection per caller, each sends its next request when it has the answer.
// Written on `net`, because a client that costs more than the server would leave the server idle.

import { connect, type Socket } from 'node:net';
import { AnswerReader, type RawAnswer } from './answer-reader.js';
import { loadScenario } from './catalogue.js';
import { answerParent } from './child.js';
import type { Scenario } from './scenario.js';
import { quantile } from './statistics.js';

/** What to send and what must come back. */
export interface LoadOrder {
  /** The scenario, whose `check` decides. */
  readonly name: string;
  readonly port: number;
  readonly connections: number;
  /** The bytes of the request. */
  readonly request: string;
  readonly expected: { readonly status: number; readonly body: string };
}

/** What the callers saw since the last `begin`. */
export interface LoadResult {
  readonly requests: number;
  readonly durationMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Every answer is compared in status and body; one of so many is also read and checked like the first, with its headers. */
const READ_ONE_OF = 16;

let sockets: Socket[] = [];
let failure: Error | undefined;
let latencies: number[] = [];
let beganAt = 0;

function call({ port, request, expected }: LoadOrder, scenario: Scenario): Socket {
  const socket = connect(port, '127.0.0.1');
  const reader = new AnswerReader();
  const body = Buffer.from(expected.body);
  let sentAt = 0;
  let count = 0;
  const send = () => {
    sentAt = performance.now();
    socket.write(request);
  };
  const fail = (reason: string) => {
    failure ??= new Error(reason);
    socket.destroy();
  };
  const verify = (answer: RawAnswer) => {
    count += 1;
    const isSame = scenario.hasVaryingBody === true || body.equals(answer.body);
    if (answer.status !== expected.status || !isSame) {
      throw new Error(`under load: status ${answer.status}, ${answer.body.toString().slice(0, 200)}`);
    }
    if (count % READ_ONE_OF === 0) scenario.check(answer.read());
  };
  socket.setNoDelay(true).on('connect', send);
  socket.on('error', (error) => fail(error.message)).on('end', () => fail('the server closed a connection'));
  socket.on('data', (chunk) => {
    try {
      const answer = reader.push(chunk);
      if (answer === undefined) return;
      latencies.push(performance.now() - sentAt);
      verify(answer);
      send();
    } catch (error) {
      fail(error instanceof Error ? error.message : String(error));
    }
  });
  return socket;
}

answerParent({
  async start(order: LoadOrder) {
    const scenario = await loadScenario(order.name);
    failure = undefined;
    latencies = [];
    sockets = Array.from({ length: order.connections }, () => call(order, scenario));
  },
  begin() {
    latencies = [];
    beganAt = performance.now();
  },
  end(): LoadResult {
    const durationMs = performance.now() - beganAt;
    for (const socket of sockets.splice(0)) socket.destroy();
    if (failure !== undefined) throw failure;
    const sorted = Float64Array.from(latencies).toSorted();
    const [p50Ms, p99Ms] = sorted.length === 0 ? [NaN, NaN] : [quantile(sorted, 0.5), quantile(sorted, 0.99)];
    return { requests: sorted.length, durationMs, p50Ms, p99Ms };
  },
});
