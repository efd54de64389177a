import { describe, expect, it } from '@jest/globals';
import express from 'express';
import { dedicatedRedis, deferred, until } from '@sallyport/testkit';
import { connect as connectSocket } from 'node:net';
import { request as httpRequest } from 'node:http';
import { problemTypes } from '@sallyport/idempotency';
import { exchange, headerOf } from './exchange.js';
import { newKey, openShop, placeOrder } from './shop.js';

const headers = { 'Idempotency-Key': '"a"' };

/** Sends bytes as they are and gives the status line. */
function sendRaw(url: string, lines: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const { port, hostname } = new URL(url);
    const socket = connectSocket(Number(port), hostname, () => socket.write(`${lines.join('\r\n')}\r\n\r\n`));
    socket.once('data', (data) => {
      socket.destroy();
      resolve(String(data).split('\r\n')[0] ?? '');
    });
    socket.once('error', reject);
  });
}

describe('a hostile client', () => {
  it('gains nothing by several headers, nor by headers without end', async () => {
    const shop = await openShop(express);
    const lines = ['POST / HTTP/1.1', 'Host: a', 'Connection: close'];
    expect(await sendRaw(shop.url, [...lines, 'Idempotency-Key: "a"', 'Idempotency-Key: "b"'])).toContain('400');
    expect(await sendRaw(shop.url, [...lines, 'Idempotency-Key: a', 'Idempotency-Key: a'])).toContain('400');
    expect(await sendRaw(shop.url, [...lines, `Idempotency-Key: "${'a'.repeat(20_000)}"`])).toContain('431');
    expect(shop.runs()).toBe(0);
  });

  it.each([false, true])('gets one answer for two bodies with one key at the same instant, wait: %p', async (wait) => {
    const shop = await openShop(express, placeOrder, { wait });
    for (let round = 1; round <= 20; round += 1) {
      const same = { 'Idempotency-Key': `"${newKey()}"` };
      const bodies = ['{"item":1}', '{"item":2}', '{"item":3}'];
      const answers = await Promise.all(bodies.map((body) => exchange(shop.url, { headers: same, body })));
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toStrictEqual([201, 422, 422]);
      expect(shop.runs()).toBe(round);
    }
  });

  it('finds no other record with a body that looks like a prototype', async () => {
    const shop = await openShop(express);
    const bodies = ['{}', '{"__proto__":{"a":1}}', '{"__proto__":{"a":2}}', '{"constructor":1}', '{"toJSON":1}'];
    const statuses = [];
    for (const body of bodies) statuses.push((await exchange(shop.url, { headers, body })).status);
    expect(statuses).toStrictEqual([201, 422, 422, 422, 422]);
  });

  it('cannot make the process hold a stream of 100 MB, nor run it again', async () => {
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const chunks = 1_600;
    let peakBytes = 0;
    const shop = await openShop(express, (_req, res) => {
      let sent = 0;
      const more = () => {
        peakBytes = Math.max(peakBytes, process.memoryUsage().arrayBuffers);
        while (sent < chunks) {
          sent += 1;
          if (!res.write(chunk)) break;
        }
        if (sent < chunks) res.once('drain', more);
        else res.end();
      };
      more();
    });
    const before = process.memoryUsage().arrayBuffers;
    const received = await new Promise<number>((resolve, reject) => {
      const sent = httpRequest(shop.url, { method: 'POST', headers, agent: false }, (response) => {
        let length = 0;
        response.on('data', (data: Buffer) => (length += data.length));
        response.on('end', () => resolve(length));
        response.on('error', reject);
      });
      sent.end();
    });
    expect(received).toBe(chunks * chunk.length);
    expect(peakBytes - before).toBeLessThan(50 * 1_048_576);
    const second = await exchange(shop.url, { headers });
    expect([second.status, JSON.parse(second.body).type]).toStrictEqual([409, problemTypes.answerNotKept]);
    expect(shop.runs()).toBe(1);
  });
});

describe('a Redis that forgets', () => {
  it('restarted in the middle of a handler, keeps its answer all the same, once', async () => {
    const server = await dedicatedRedis();
    const isRunning = deferred();
    const gate = deferred();
    const shop = await openShop(
      express,
      (req, res, next) => {
        isRunning.resolve();
        void gate.promise.then(() => placeOrder(req, res, next));
      },
      { redis: server.client({ retryStrategy: () => 20 }), prefix: 'restart:' },
    );
    const first = exchange(shop.url, { headers });
    await isRunning.promise;
    await server.kill();
    await server.restart();
    const probe = server.client();
    await until(async () => (await probe.ping()) === 'PONG', { timeoutMs: 10_000 });
    expect(await probe.dbsize()).toBe(0);
    gate.resolve();
    const answer = await first;
    expect(answer.status).toBe(201);
    await until(() => shop.types().includes('kept'), { timeoutMs: 10_000 });
    const second = await exchange(shop.url, { headers });
    expect([second.body, headerOf(second, 'idempotency-replayed')]).toStrictEqual([answer.body, 'true']);
    expect(shop.runs()).toBe(1);
  });

  it('whose clock jumps ahead gives the key away, and the late answer is refused', async () => {
    // What a jump looks like from a record: its lease is long over. (The clock of this machine is not the test's to set.)
    const server = await dedicatedRedis();
    const redis = server.client();
    const gates = [deferred(), deferred()];
    let runs = 0;
    const shop = await openShop(
      express,
      (req, res, next) => {
        const gate = gates[runs];
        runs += 1;
        void gate?.promise.then(() => placeOrder(req, res, next));
      },
      { redis, prefix: 'jump:' },
    );
    const first = exchange(shop.url, { headers });
    await until(() => runs === 1);
    const [record = ''] = await redis.keys('*');
    const hourAgo = Number(await redis.hget(record, 'leaseEnds')) - 3_600_000;
    await redis.hset(record, 'leaseEnds', hourAgo);
    const second = exchange(shop.url, { headers });
    await until(() => runs === 2);
    gates[1]?.resolve();
    const counted = await second;
    gates[0]?.resolve();
    expect((await first).status).toBe(503);
    expect((await exchange(shop.url, { headers })).body).toBe(counted.body);
  });
});
