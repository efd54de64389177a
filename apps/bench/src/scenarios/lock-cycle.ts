import { createLock } from '@sallyport/lock';
import express from 'express';
import { payload, payloadText } from '../payload.js';
import { expectAnswer, type Scenario } from '../scenario.js';

export const lockCycle: Scenario = {
  name: 'lock/cycle',
  description: 'lock.using() takes a free lock and gives it back around res.json(); each request another lock',
  serve(connect) {
    const lock = createLock({ redis: connect(), deadlineMs: 5_000 });
    let count = 0;
    return express().get('/catalogue', async (_req, res) => {
      // More locks than requests at a time, and few enough that Redis does not grow.
      count = (count + 1) % 1_000;
      const token = await lock.using(`stock/${count}`, { leaseMs: 30_000 }, (lease) => lease.token);
      res.setHeader('X-Token', String(token));
      res.json(payload);
    });
  },
  prepare: async () => ({ method: 'GET', path: '/catalogue' }),
  check: (answer) => expectAnswer(answer, { status: 200, headers: { 'X-Token': /./ }, body: payloadText }),
};
