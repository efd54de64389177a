import express from 'express';
import { Mutex } from 'redis-semaphore';
import { answerCatalogue, askCatalogue, catalogueIs, cycle } from '../../fixtures.js';
import type { Scenario } from '../../scenario.js';

export const scenario: Scenario = {
  description: 'Mutex of redis-semaphore takes a free lock and gives it back around res.json()',
  serve({ connect }) {
    const redis = connect();
    const next = cycle('stock/');
    return express().get('/catalogue', async (req, res) => {
      const mutex = new Mutex(redis, next(), { lockTimeout: 30_000 });
      await mutex.acquire();
      res.setHeader('X-Token', mutex.identifier);
      await mutex.release();
      answerCatalogue(req, res);
    });
  },
  prepare: askCatalogue,
  check: catalogueIs({ 'X-Token': /./ }),
};
