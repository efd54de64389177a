// The program that makes the load: one keep-alive connection per caller, each sends its next request when it has the answer.
// Written on `net`, because a client that costs more than the server would leave the server idle.

import { connect, type Socket } from 'node:net';
import { answerParent } from './child.js';
import { AnswerReader } from './answer-reader.js';
import { quantile } from './statistics.js';

/** What to send and what must come back. */
export interface LoadOrder {
  readonly port: number;
  readonly connections: number;
  /** The bytes of the request. */
  readonly request: string;
  readonly expected: { readonly status: number; readonly bodyBytes: number };
}

/** What the callers saw since the last `begin`. */
export interface LoadResult {
  readonly requests: number;
  readonly durationMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

let sockets: Socket[] = [];
let failure: Error | undefined;
let latencies: number[] = [];
let beganAt = 0;

function call({ port, request, expected }: LoadOrder): Socket {
  const socket = connect(port, '127.0.0.1');
  const reader = new AnswerReader();
  let sentAt = 0;
  const send = () => {
    sentAt = performance.now();
    socket.write(request);
  };
  const fail = (reason: string) => {
    failure ??= new Error(reason);
    socket.destroy();
  };
  socket.setNoDelay(true).on('connect', send);
  socket.on('error', (error) => fail(error.message)).on('end', () => fail('the server closed a connection'));
  socket.on('data', (chunk) => {
    const answer = reader.push(chunk);
    if (answer === undefined) return;
    latencies.push(performance.now() - sentAt);
    if (answer.status === expected.status && answer.bodyBytes === expected.bodyBytes) return send();
    fail(`an answer of status ${answer.status} and ${answer.bodyBytes} bytes under load`);
  });
  return socket;
}

answerParent({
  start(order: LoadOrder) {
    sockets = Array.from({ length: order.connections }, () => call(order));
  },
  begin() {
    latencies = [];
    beganAt = performance.now();
  },
  end(): LoadResult {
    const durationMs = performance.now() - beganAt;
    for (const socket of sockets) socket.destroy();
    if (failure !== undefined) throw failure;
    const sorted = Float64Array.from(latencies).toSorted();
    return { requests: sorted.length, durationMs, p50Ms: quantile(sorted, 0.5), p99Ms: quantile(sorted, 0.99) };
  },
});
