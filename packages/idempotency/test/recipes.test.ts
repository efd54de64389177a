import { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect, deferred, listen, uniquePrefix, until } from '@sallyport/testkit';
import express, { type RequestHandler } from 'express';
import { readFile } from 'node:fs/promises';
import { idempotency, rememberBytes, type IdempotencyEvent, type IdempotencyOptions } from '@sallyport/idempotency';
import { exchange, headerOf } from './exchange.js';

// Each recipe of the README as it stands there: run, mounted, and asked for what its heading promises.

const redis = connect();
const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
const section = /\n## Recipes\n(.*?)\n## /s.exec(readme)?.[1] ?? '';
const recipes = new Map(
  [...section.matchAll(/### (.+?)\n.*?```ts\n(.*?)```/gs)].map(([, heading = '', code = '']) => [heading, code]),
);

type Scope = Record<string, unknown>;
const AsyncFunction = (async () => undefined).constructor as new (
  ...args: string[]
) => (...values: unknown[]) => Promise<void>;
const done = new Set<string>();

/** The application of a recipe. Its user is Ann; bodies are parsed unless the recipe does that itself. */
async function serve(heading: string, scope: Scope, handler?: RequestHandler) {
  const code = recipes.get(heading);
  if (code === undefined) throw new Error(`The README has no recipe "${heading}"`);
  done.add(heading);
  const prefix = uniquePrefix('recipes');
  const events: IdempotencyEvent[] = [];
  const onEvent = (event: IdempotencyEvent) => void events.push(event);
  const create = (options: IdempotencyOptions) => idempotency({ ...options, prefix, onEvent, deadlineMs: 5_000 });
  const app = express();
  app.set('env', 'test');
  app.use((req, _res, next) => {
    Object.assign(req, { user: { id: 'ann', email: 'ann@example.org' } });
    next();
  });
  if (!code.includes('express.json')) app.use(express.json());
  const names = { app, redis, express, idempotency: create, rememberBytes, ...scope };
  await new AsyncFunction(...Object.keys(names), code)(...Object.values(names));
  if (handler !== undefined) app.use(handler);
  const { url } = await listen(app);
  const send = (path: string, body: string, key = '"a"') =>
    exchange(`${url}${path}`, { headers: { 'Idempotency-Key': key }, body });
  return { send, events, prefix };
}

describe('the recipes of the README', () => {
  it('take a payment in steps: a failure at the bank does not make a second order, nor a second charge', async () => {
    const made: string[] = [];
    const charges = new Map<string, string>();
    let isDown = true;
    const orders = { create: ({ amount }: { amount: number }) => (made.push('order'), { id: 'o1', amount }) };
    const bank = {
      charge(amount: number, { idempotencyKey }: { idempotencyKey: string }) {
        // It charges, and its answer is lost.
        charges.set(idempotencyKey, `c${amount}`);
        if (isDown) throw new Error('no answer');
        return { id: charges.get(idempotencyKey) };
      },
    };
    const mail = { send: () => void made.push('mail') };
    const { send } = await serve('Take a payment in steps', { orders, bank, mail });
    expect((await send('/payments', '{"amount":7}')).status).toBe(500);
    isDown = false;
    const answer = await send('/payments', '{"amount":7}');
    expect([answer.status, answer.body]).toStrictEqual([201, '{"order":"o1","charge":"c7"}']);
    expect(made).toStrictEqual(['order', 'mail']);
    expect(charges.size).toBe(1);
    expect((await send('/payments', '{"amount":7}')).body).toBe(answer.body);
  });

  it('do once what cannot be told twice apart', async () => {
    let dialled = 0;
    const dial = () => {
      dialled += 1;
      throw new Error('line went dead');
    };
    const { send } = await serve('Do once what cannot be told twice apart', { prepare: (body: unknown) => body, dial });
    for (const _turn of ['first', 'retry']) expect((await send('/calls', '{"to":7}')).status).toBe(500);
    expect(dialled).toBe(1);
  });

  it('let duplicates wait for the answer', async () => {
    const gate = deferred();
    let runs = 0;
    const { send, events } = await serve('Let duplicates wait for the answer', {}, (_req, res) => {
      runs += 1;
      void gate.promise.then(() => res.json({ runs }));
    });
    const first = send('/', '{}');
    await until(() => runs === 1);
    const duplicate = send('/', '{}');
    await until(() => events.some(({ type }) => type === 'waiting'));
    gate.resolve();
    expect((await duplicate).body).toBe((await first).body);
    expect(headerOf(await duplicate, 'idempotency-replayed')).toBe('true');
  });

  describe('write the fencing token in your own transaction', () => {
    const db = new PGlite();
    beforeAll(() => db.exec('CREATE TABLE accounts (owner text PRIMARY KEY, balance int)'), 30_000);
    afterAll(() => db.close());
    const balance = async () => (await db.query<{ balance: number }>('SELECT balance FROM accounts')).rows[0]?.balance;
    const reset = () =>
      db.exec("DROP TABLE IF EXISTS operations; DELETE FROM accounts; INSERT INTO accounts VALUES ('ann', 100)");
    const heading = 'Write the fencing token in your own transaction';

    it('withdraws once when the process dies between the transaction and the answer', async () => {
      await reset();
      let isFirst = true;
      // The transaction is there to stay, and the handler does not get that far to know.
      const dying = {
        exec: (sql: string) => db.exec(sql),
        async transaction(work: Parameters<PGlite['transaction']>[0]) {
          const result = await db.transaction(work);
          if (!isFirst) return result;
          isFirst = false;
          throw new Error('crash');
        },
      };
      const { send } = await serve(heading, { db: dying });
      expect((await send('/withdrawals', '{"amount":30}')).status).toBe(500);
      expect(await balance()).toBe(70);
      const retry = await send('/withdrawals', '{"amount":30}');
      expect([retry.status, retry.body]).toStrictEqual([201, '{"balance":70}']);
      expect(await balance()).toBe(70);
    }, 30_000);

    it('refuses the late run when another has taken over', async () => {
      await reset();
      const isLate = deferred();
      const gate = deferred();
      let runs = 0;
      const slow = {
        exec: (sql: string) => db.exec(sql),
        async transaction(work: Parameters<PGlite['transaction']>[0]) {
          runs += 1;
          if (runs === 1) {
            isLate.resolve();
            await gate.promise;
          }
          return db.transaction(work);
        },
      };
      const { send, prefix } = await serve(heading, { db: slow });
      const late = send('/withdrawals', '{"amount":30}');
      await isLate.promise;
      const [record = ''] = await redis.keys(`${prefix}*`);
      await redis.hset(record, 'leaseEnds', 1);
      const second = await send('/withdrawals', '{"amount":30}');
      expect([second.status, second.body]).toStrictEqual([201, '{"balance":70}']);
      gate.resolve();
      expect((await late).status).toBe(503);
      expect(await balance()).toBe(70);
      expect((await send('/withdrawals', '{"amount":30}')).body).toBe(second.body);
    }, 30_000);
  });

  it('compare the bytes instead of the parsed JSON', async () => {
    const { send } = await serve('Compare the bytes instead of the parsed JSON', {}, (_req, res) => res.json({}));
    expect((await send('/', '{"amount":1}')).status).toBe(200);
    expect((await send('/', '{"amount":1}')).status).toBe(200);
    expect((await send('/', '{"amount":1.0}')).status).toBe(422);
  });

  it('protect uploads', async () => {
    // As multer does: the file in memory, nothing in req.body that would tell two of them apart.
    const upload = {
      single: (): RequestHandler => (req, _res, next) => {
        Object.assign(req, { file: { buffer: Buffer.from(JSON.stringify(req.body)) } });
        next();
      },
    };
    const store: RequestHandler = (_req, res) => void res.status(201).end();
    const { send } = await serve('Protect uploads', { upload, store });
    expect((await send('/files', '{"file":1}')).status).toBe(201);
    expect(headerOf(await send('/files', '{"file":1}'), 'idempotency-replayed')).toBe('true');
    expect((await send('/files', '{"file":2}')).status).toBe(422);
  });

  it('are all run here', () => {
    expect([...done].toSorted()).toEqual([...recipes.keys()].toSorted());
  });
});
