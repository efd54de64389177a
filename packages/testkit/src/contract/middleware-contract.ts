import type { Application, NextFunction, Request, RequestHandler, Response as ServerResponse } from 'express';
import { expressVersions, type Express } from '../express-versions.js';
import { jestGlobals } from '../jest-globals.js';
import { listen } from '../listen.js';
import { Arena } from './arena.js';
import { clientCases } from './client-cases.js';
import { failureCases } from './failure-cases.js';
import { keyCases } from './key-cases.js';
import { optionCases } from './option-cases.js';
import { requestCases } from './request-cases.js';
import { specimenOf, type ContractHandle, type ContractSubject } from './subject.js';

/** A package whose handle is an Express middleware. */
export interface MiddlewareSubject<Options, Handle> extends ContractSubject<Options, Handle, Response> {
  /** Sends one request that makes the middleware store something. @default `fetch(url)` */
  readonly request?: (url: string, count: number) => Promise<Response>;
  /** Mounts what stands before the middleware, and the middleware. @default `app.use(middleware)` */
  readonly mount?: (app: Application, middleware: RequestHandler, express: Express) => void;
  /** What stands behind the middleware. @default answers 200 with `{ "ok": true }` */
  readonly handler?: RequestHandler;
  /** Asserts what a request gets while Redis is well. @default status 200 */
  readonly expectHealthy?: (response: Response) => unknown;
}

/**
 * Registers the tests that every HTTP middleware passes, on Express 4 and 5: options, one outcome per request, failure policy,
 * keys, and care for the caller's client. They run on a Redis of their own behind a proxy.
 */
export function middlewareContract<Options, Handle extends RequestHandler & ContractHandle>(
  subject: MiddlewareSubject<Options, Handle>,
): void {
  const { describe, expect } = jestGlobals();
  const {
    request = (url) => fetch(url),
    handler = answerOk,
    mount = (app, middleware) => app.use(middleware),
  } = subject;
  const expectHealthy = subject.expectHealthy ?? ((response: Response) => expect(response.status).toBe(200));
  let count = 0;

  describe.each(expressVersions)(`${subject.name}: the contract of a middleware on $name`, ({ express }) => {
    const nextCalls: number[] = [];
    const install = async (handle: Handle) => {
      const app = express();
      mount(app, countingNext(handle, nextCalls), express);
      app.use(handler, answerError);
      const { url } = await listen(app);
      return () => request(url, (count += 1));
    };
    const arena = new Arena(specimenOf(subject, { install, expectHealthy }));
    optionCases(arena);
    requestCases(arena, nextCalls);
    failureCases(arena);
    keyCases(arena);
    clientCases(arena);
  });
}

/** Notes for each request how often the middleware called `next`. */
function countingNext(handle: RequestHandler, nextCalls: number[]): RequestHandler {
  return function counted(req, res, next) {
    const index = nextCalls.push(0) - 1;
    return handle(req, res, (...reason: unknown[]) => {
      nextCalls[index] = (nextCalls[index] ?? 0) + 1;
      (next as (...reason: unknown[]) => void)(...reason);
    });
  };
}

function answerOk(_req: Request, res: ServerResponse): void {
  res.json({ ok: true });
}

// Express tells error handlers by their four parameters.
function answerError(
  error: Error & { status?: number; code?: string },
  _req: Request,
  res: ServerResponse,
  _next: NextFunction,
): void {
  res.status(error.status ?? 500).json({ code: error.code, message: error.message });
}
