// Stand-ins for well-known middlewares. They hook into the response in the way in which the real ones do, because that is
// what a cache must get right: a head listener that runs inside `writeHead`, and replaced `write` and `end`.

import type { RequestHandler, Response } from 'express';
import { createGzip } from 'node:zlib';

/** Runs `listener` when the head is about to be written, as the package on-headers does. */
function onHead(res: Response, listener: () => void): void {
  const writeHead = res.writeHead.bind(res) as (status: number) => Response;
  let isDone = false;
  res.writeHead = function writeHeadWithListener(this: Response, ...args: unknown[]) {
    if (!isDone) {
      isDone = true;
      const [status, reason, last] = args;
      res.statusCode = Number(status);
      const headers = (last ?? (typeof reason === 'string' ? undefined : reason)) as Record<string, string> | undefined;
      for (const [name, value] of Object.entries(headers ?? {})) res.setHeader(name, value);
      listener();
    }
    return writeHead(res.statusCode);
  } as typeof res.writeHead;
}

/** Compresses everything for clients that take gzip. */
export const compression: RequestHandler = (req, res, next) => {
  const write = res.write.bind(res) as (chunk: unknown) => boolean;
  const end = res.end.bind(res) as () => Response;
  let gzip: ReturnType<typeof createGzip> | undefined;
  onHead(res, () => {
    res.vary('Accept-Encoding');
    const isWanted = /\bgzip\b/.test(req.headers['accept-encoding'] ?? '');
    if (!isWanted || res.hasHeader('Content-Encoding') || res.statusCode === 304 || req.method === 'HEAD') return;
    res.setHeader('Content-Encoding', 'gzip');
    res.removeHeader('Content-Length');
    gzip = createGzip();
    gzip.on('data', (chunk: Buffer) => write(chunk));
    gzip.on('end', () => end());
  });
  const start = () => {
    if (!res.headersSent) res.writeHead(res.statusCode);
  };
  res.write = ((chunk: string | Buffer, encoding?: BufferEncoding) => {
    start();
    return gzip === undefined ? write(chunk) : gzip.write(Buffer.from(chunk as string, encoding));
  }) as typeof res.write;
  res.end = ((chunk?: string | Buffer, encoding?: BufferEncoding) => {
    start();
    if (gzip === undefined) {
      if (chunk !== undefined) write(chunk);
      return end();
    }
    gzip.end(chunk === undefined ? undefined : Buffer.from(chunk as string, encoding));
    return res;
  }) as typeof res.end;
  next();
};

/** A session that is stored on the server; its cookie is set when the head is written, if there is anything in it. */
export function session(data: Record<string, unknown> = {}): RequestHandler {
  return (req, res, next) => {
    const session: Record<string, unknown> = { cookie: { path: '/' }, ...data };
    Object.assign(req, { session });
    onHead(res, () => {
      if (Object.keys(session).length > 1) res.setHeader('Set-Cookie', 'sid=secret');
    });
    next();
  };
}

/** Sets a cookie on every response, when the head is written. */
export const visitorCookie: RequestHandler = (_req, res, next) => {
  onHead(res, () => res.setHeader('Set-Cookie', `visitor=${Math.random()}`));
  next();
};
