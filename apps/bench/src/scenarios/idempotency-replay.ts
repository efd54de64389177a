import { idempotency } from '@sallyport/idempotency';
import express from 'express';
import { payload, payloadText } from '../payload.js';
import { expectAnswer, type Scenario } from '../scenario.js';

export const idempotencyReplay: Scenario = {
  name: 'idempotency/replay',
  description: 'idempotency() answers a repeated POST with the stored answer',
  serve: (connect) =>
    express()
      .use(express.json(), idempotency({ redis: connect(), scope: () => 'ann', deadlineMs: 5_000 }))
      .post('/orders', (_req, res) => void res.status(201).json(payload)),
  async prepare(send) {
    const request = {
      method: 'POST',
      path: '/orders',
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': '"7f3a9c52-0d1e-4b7a-9a53-2c1f6be0d811"' },
      body: JSON.stringify({ item: 1003, quantity: 2, address: { street: 'Harbour Road 7', city: 'Saltmouth' } }),
    } as const;
    await send(request);
    return request;
  },
  check: (answer) =>
    expectAnswer(answer, { status: 201, headers: { 'Idempotency-Replayed': /^true$/ }, body: payloadText }),
};
