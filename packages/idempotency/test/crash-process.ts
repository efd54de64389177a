import type { RedisArgument } from '@sallyport/core';
import { idempotency } from '@sallyport/idempotency';
import type { ProcessContext } from '@sallyport/testkit';
import express, { type Request, type RequestHandler } from 'express';
import { Redis } from 'ioredis';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { recordId } from '../src/record-id.js';
import { claimScript } from '../src/scripts/claim.js';
import { commitScript } from '../src/scripts/commit.js';

/** Where a request can be when its process is killed, in the order of its life. */
export const points = [
  'after the claim',
  'before the handler',
  'inside of the handler',
  'before the effect',
  'after the effect',
  'mid-flush',
  'before the commit',
  'after the commit',
] as const;

export type Point = (typeof points)[number];
export const modes = ['plain', 'marked', 'stepped'] as const;
export type Mode = (typeof modes)[number];

export interface CrashProcessArguments {
  readonly url: string;
  readonly prefix: string;
  readonly leaseMs: number;
}

const never = new Promise<never>(() => undefined);

/** Serves until it is killed. A request with `X-Hold` stops for ever at the point that it names, and is counted there. */
export async function run({ url, prefix, leaseMs }: CrashProcessArguments, context: ProcessContext): Promise<void> {
  const redis = new Redis(url);
  const ledger = new Redis(url);
  const count = async (what: string) => {
    const counted = await ledger.incr(`${prefix}${what}`);
    await ledger.expire(`${prefix}${what}`, 120);
    return counted;
  };
  const heldAt = new Map<string, Point>();
  const hold = async () => {
    await count('held');
    await never;
  };
  /** The client itself, but for replies and commands that are held. */
  const holding = new Proxy(redis, {
    get(client, name) {
      if (name !== 'call' && name !== 'callBuffer') {
        const value: unknown = Reflect.get(client, name, client);
        return typeof value === 'function' ? value.bind(client) : value;
      }
      return async (command: string, ...args: RedisArgument[]) => {
        const point = heldAt.get(/\{(.*)\}/.exec(String(args[2]))?.[1] ?? '');
        const [sha] = args;
        if (sha === commitScript.sha && point === 'before the commit') await hold();
        const reply: unknown = await client[name](command, ...args);
        if (sha === claimScript.sha && point === 'after the claim') await hold();
        if (sha === commitScript.sha && point === 'after the commit') await hold();
        return reply;
      };
    },
  });

  const isHeld = (req: Request, point: Point) => req.get('X-Hold') === point;
  const pass =
    (point: Point): RequestHandler =>
    (req, _res, next) =>
      isHeld(req, point) ? void hold() : next();
  const announce: RequestHandler = (req, _res, next) => {
    const key = req.get('Idempotency-Key') ?? '';
    const id = recordId({ method: 'POST', path: req.path, key: key.slice(1, -1) });
    if (req.get('X-Hold') !== undefined) heldAt.set(id, req.get('X-Hold') as Point);
    next();
  };

  /** With `X-Gate`, waits until something is pushed to the list of that name. */
  async function passGate(req: Request): Promise<void> {
    const gate = req.get('X-Gate');
    if (gate === undefined) return;
    const waiting = new Redis(url);
    await count('held');
    await waiting.blpop(`${prefix}${gate}`, 0);
    waiting.disconnect();
  }

  /** What must not happen twice. */
  async function effect(req: Request, key: string): Promise<void> {
    if (isHeld(req, 'before the effect')) await hold();
    await count(`effects ${key}`);
    if (isHeld(req, 'after the effect')) await hold();
  }

  async function work(mode: Mode, req: Request): Promise<number> {
    const { key = '' } = req.idempotency ?? {};
    if (isHeld(req, 'inside of the handler')) await hold();
    if (mode === 'marked') await req.idempotency?.markEffect();
    if (mode !== 'stepped') {
      await passGate(req);
      if (mode === 'plain') req.idempotency?.assertHeld();
      await effect(req, key);
      return 0;
    }
    const order = await req.idempotency?.step('order', () => count(`orders ${key}`));
    // As a payment provider does: one charge per key, however often it is asked.
    await req.idempotency?.step('charge', async (step) => {
      if (isHeld(req, 'before the effect')) await hold();
      await passGate(req);
      const isNew = await ledger.set(`${prefix}charge ${step.key}`, 1, 'EX', 120, 'NX');
      if (isNew !== null) await count(`effects ${key}`);
      if (isHeld(req, 'after the effect')) await hold();
    });
    return order ?? 0;
  }

  const options = { scope: 'public', prefix, leaseMs, deadlineMs: 5_000, wait: true } as const;
  const once = idempotency({ redis: holding, ...options });
  const app = express();
  app.post('/:mode', announce, once, pass('before the handler'), async (req, res) => {
    try {
      const order = await work(req.params['mode'] as Mode, req);
      res.status(201).type('text').write('order ');
      if (isHeld(req, 'mid-flush')) await hold();
      res.end(`${order} for ${req.idempotency?.key}`);
    } catch (error) {
      res.status(503).json({ code: Reflect.get(Object(error), 'code') });
    }
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  context.ready(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}
