import { Idempotency } from '@node-idempotency/core';
import { RedisStorageAdapter } from '@node-idempotency/storage-adapter-redis';
import express, { type RequestHandler } from 'express';
import { ORDER } from '../../fixtures.js';
import { payload, payloadText } from '../../payload.js';
import { expectAnswer, type Scenario } from '../../scenario.js';

export const scenario: Scenario = {
  description:
    '@node-idempotency/core with its Redis adapter (node-redis) answers a repeated POST; Express glue by hand',
  baseline: 'express/post',
  async serve({ url }) {
    const storage = new RedisStorageAdapter({ url });
    await storage.connect();
    const idempotency = new Idempotency(storage);
    const order: RequestHandler = async (req, res) => {
      const request = {
        headers: req.headers,
        path: req.path,
        body: req.body as Record<string, unknown>,
        method: 'POST',
      };
      const stored = await idempotency.onRequest(request);
      res.status(201);
      if (stored === undefined) {
        await idempotency.onResponse(request, { body: payload });
        res.json(payload);
      } else {
        res.setHeader('Idempotency-Replayed', 'true').json(stored.body);
      }
    };
    return express().use(express.json()).post('/orders', order);
  },
  async prepare(send) {
    // This one looks for the header in lower case, where Node has it, and takes any text.
    const request = {
      ...ORDER,
      headers: { ...ORDER.headers, 'Idempotency-Key': '7f3a9c52-0d1e-4b7a-9a53-2c1f6be0d811' },
    };
    await send(request);
    return request;
  },
  check: (answer) =>
    expectAnswer(answer, { status: 201, headers: { 'Idempotency-Replayed': /^true$/ }, body: payloadText }),
};
