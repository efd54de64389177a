// The table of options: check and default of each. Times are in milliseconds.

import type { ServerOptions as NodeHttpOptions } from 'node:http';
import type { ServerOptions as NodeHttpsOptions } from 'node:https';
import { callback, integer, nonEmptyText, optional, plainObject, refuse, type Check } from './check-options.js';
import type { ShutdownEvent } from './events.js';

/** How long a client may take, and what Node is given besides. */
export interface CreateServerOptions {
  /** Makes an HTTPS server; what `node:https` takes: `key`, `cert`, … @default undefined */
  readonly tls?: NodeHttpsOptions;
  /** Until all headers of a request have come; 408 then. @default 15_000 */
  readonly headersTimeoutMs?: number;
  /** Until the whole request has come, body included; 408 then. How long the app takes does not count. @default 120_000 */
  readonly requestTimeoutMs?: number;
  /** How long an idle connection stays open; longer than the load balancer keeps its own, or it meets closed ones. @default 65_000 */
  readonly keepAliveTimeoutMs?: number;
  /** Any further option of `http.createServer()`; its time-outs and classes are given above and by the app. @default undefined */
  readonly nodeOptions?: Readonly<NodeHttpOptions>;
}

/** How a server ends. */
export interface ShutdownOptions {
  /** Keeps accepting for this long, so that a load balancer notices first; answers say `Connection: close`. @default 0 */
  readonly drainDelayMs?: number;
  /** How long requests may take from then on, before their connections are cut. @default 10_000 */
  readonly shutdownDeadlineMs?: number;
  /** Signals that begin the shutdown and end the process after it; the same one again ends it at once. @default [] */
  readonly signals?: readonly NodeJS.Signals[];
  /** Called when the last request has its answer: close the database and Redis here. @default undefined */
  readonly onShutdown?: () => unknown;
  /** Told what happens; what it throws is ignored. @default undefined */
  readonly onEvent?: (event: ShutdownEvent) => void;
}

/** Where to listen, besides how to serve and how to end. */
export interface ListenOptions extends CreateServerOptions, ShutdownOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** Name or address of the interface. @default all interfaces */
  readonly host?: string;
}

/** A day: Node's timers know nothing longer than 24 of these. */
const MAX_MS = 86_400_000;

const SAID_ELSEWHERE = {
  IncomingMessage: 'left out: the app decides it',
  ServerResponse: 'left out: the app decides it',
  headersTimeout: 'given as `headersTimeoutMs`',
  requestTimeout: 'given as `requestTimeoutMs`',
  keepAliveTimeout: 'given as `keepAliveTimeoutMs`',
} as const;

const forNode: Check<Readonly<NodeHttpOptions & NodeHttpsOptions>> = (value, option) => {
  const given = plainObject(value, option);
  for (const [name, expected] of Object.entries(SAID_ELSEWHERE)) {
    if (name in given) refuse(`${option}.${name}`, expected, given[name]);
  }
  return given;
};

const signals: Check<readonly NodeJS.Signals[]> = (value, option) => {
  const isSignal = (each: unknown) => typeof each === 'string' && /^SIG[A-Z0-9]+$/.test(each) && each !== 'SIGKILL';
  return Array.isArray(value) && value.every(isSignal)
    ? ([...value] as NodeJS.Signals[])
    : refuse(option, 'an array of signal names other than SIGKILL', value);
};

export const CREATE_SERVER_CHECKS = {
  tls: optional(forNode, undefined),
  headersTimeoutMs: optional(integer(1, MAX_MS), 15_000),
  requestTimeoutMs: optional(integer(1, MAX_MS), 120_000),
  keepAliveTimeoutMs: optional(integer(1, MAX_MS), 65_000),
  nodeOptions: optional(forNode, undefined),
};

export const SHUTDOWN_CHECKS = {
  drainDelayMs: optional(integer(0, MAX_MS), 0),
  shutdownDeadlineMs: optional(integer(1, MAX_MS), 10_000),
  signals: optional(signals, []),
  onShutdown: optional(callback<() => unknown>(), () => undefined),
  onEvent: optional(callback<(event: ShutdownEvent) => void>(), undefined),
};

export const LISTEN_CHECKS = {
  ...CREATE_SERVER_CHECKS,
  ...SHUTDOWN_CHECKS,
  port: integer(0, 65_535),
  host: optional(nonEmptyText, undefined),
};
