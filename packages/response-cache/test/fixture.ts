import { connect, until, uniquePrefix, type Express } from '@sallyport/testkit';
import type { Application, RequestHandler } from 'express';
import request from 'supertest';
import { responseCache, type ResponseCacheEvent, type ResponseCacheOptions } from '../src/index.js';

/** An answer with its body as bytes. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly cache: string | undefined;
  readonly body: Buffer;
  readonly text: string;
}

/** A shop with one cached route, and what the cache reported. Deadlines are wide: the machine may be busy. */
export function site(express: Express, options: Partial<ResponseCacheOptions> = {}) {
  const redis = connect();
  const prefix = uniquePrefix('response-cache');
  const events: ResponseCacheEvent[] = [];
  const cached = responseCache({
    ...(options.cache === undefined ? { redis, prefix, deadlineMs: 5_000 } : {}),
    ttlMs: 60_000,
    onEvent: (event) => events.push(event),
    ...options,
  });
  const app: Application = express();
  const runs = { count: 0 };

  /** Serves every path by `handler` behind the cache; `before` stand in front of the cache, `after` behind it. */
  function serve(handler: RequestHandler, { before = [], after = [] }: Layers = {}): void {
    const counted: RequestHandler = (req, res, next) => {
      runs.count += 1;
      return handler(req, res, next);
    };
    app.use(...before, cached, ...after, counted);
  }

  async function ask(method: 'get' | 'head' | 'post', path: string, headers: Record<string, string> = {}) {
    const agent = request(app);
    const seen = events.length;
    const response = await agent[method](path)
      .set({ 'Accept-Encoding': 'identity', ...headers })
      .buffer(true)
      .redirects(0)
      .parse((stream, done) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer | string) => chunks.push(Buffer.from(chunk as string, 'binary')));
        stream.on('end', () => done(null, Buffer.concat(chunks)));
      });
    const body = Buffer.isBuffer(response.body) ? response.body : Buffer.alloc(0);
    const { status } = response;
    const answered = response.headers as Record<string, string>;
    // The answer leaves before it is stored: what comes next in a test must not be earlier than that.
    const isDecided = () => events.slice(seen).some(({ type }) => type === 'stored' || type === 'not-stored');
    if (answered['x-cache'] === 'MISS') await until(isDecided, { timeoutMs: 500 }).catch(() => undefined);
    return { status, headers: answered, cache: answered['x-cache'], body, text: body.toString() } satisfies Answer;
  }

  return {
    redis,
    prefix,
    events,
    cached,
    app,
    runs,
    serve,
    get: (path = '/', headers?: Record<string, string>) => ask('get', path, headers),
    head: (path = '/', headers?: Record<string, string>) => ask('head', path, headers),
    post: (path = '/', headers?: Record<string, string>) => ask('post', path, headers),
    /** Waits until what is stored is fresh no more, by the clock of Redis; forgets the events. */
    async stale(): Promise<void> {
      await until(() => events.some(({ type }) => type === 'stored'));
      await until(async () => (await redis.keys(`${prefix}*fresh-*`)).length === 0);
      events.length = 0;
    },
    /** Reasons for which responses were not stored. */
    reasons: () => events.flatMap((event) => (event.type === 'not-stored' ? [event.reason] : [])),
  };
}

interface Layers {
  readonly before?: readonly RequestHandler[];
  readonly after?: readonly RequestHandler[];
}
