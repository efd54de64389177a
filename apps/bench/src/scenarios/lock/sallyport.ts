import { createLock } from '@sallyport/lock';
import express from 'express';
import { answerCatalogue, askCatalogue, catalogueIs, cycle, DEADLINE_MS } from '../../fixtures.js';
import type { Scenario } from '../../scenario.js';

export const scenario: Scenario = {
  description: 'lock.using() takes a free lock and gives it back around res.json(); each request another lock',
  serve({ connect }) {
    const lock = createLock({ redis: connect(), deadlineMs: DEADLINE_MS });
    const next = cycle('stock/');
    return express().get('/catalogue', async (req, res) => {
      const token = await lock.using(next(), { leaseMs: 30_000 }, (lease) => lease.token);
      res.setHeader('X-Token', String(token));
      answerCatalogue(req, res);
    });
  },
  prepare: askCatalogue,
  check: catalogueIs({ 'X-Token': /./ }),
};
