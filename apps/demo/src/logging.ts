/**
 * Structured logs: one JSON line per request and per event, on standard output. Headers are never logged, and what is
 * logged by mistake is censored: whoever reads the logs must not be able to take over a session or repeat an order.
 */
import type { RequestHandler } from 'express';
import { type Logger, pino } from 'pino';
import { pinoHttp } from 'pino-http';
import type { LogLevel } from './config.js';

/** Wherever somebody may put headers into a log line. */
const SECRET_PATHS = ['cookie', '["set-cookie"]', 'authorization', '["idempotency-key"]'].flatMap((name) => {
  const path = name.startsWith('[') ? name : `.${name}`;
  return [`req.headers${path}`, `res.headers${path}`, `headers${path}`, `*.headers${path}`];
});

/** The process's logger. */
export function createLogger(level: LogLevel, destination?: { write(line: string): void }): Logger {
  // Without host name and pid, which whoever collects the lines adds anyway.
  const options = { level, base: null, redact: { paths: SECRET_PATHS, censor: '[hidden]' } };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** Logs each request when its answer is complete: method, path, status, milliseconds and what the cache did. */
export function logRequests(logger: Logger): RequestHandler {
  return pinoHttp({
    logger,
    quietReqLogger: true,
    serializers: {
      req: ({ method, url }: { method: string; url: string }) => ({ method, url }),
      res: ({ statusCode }: { statusCode: number }) => ({ status: statusCode }),
    },
    customProps: (_req, res) => {
      const cache = res.getHeader('X-Cache');
      return cache === undefined ? {} : { cache };
    },
    customLogLevel: (_req, res, error) => (error !== undefined || res.statusCode >= 500 ? 'error' : 'info'),
    // Load balancers ask every second; the page does every four.
    autoLogging: { ignore: (req) => req.url === '/healthz' },
  });
}
