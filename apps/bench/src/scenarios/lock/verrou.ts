import { Verrou } from '@verrou/core';
import { redisStore } from '@verrou/core/drivers/redis';
import express from 'express';
import { answerCatalogue, askCatalogue, catalogueIs, cycle } from '../../fixtures.js';
import type { Scenario } from '../../scenario.js';

export const scenario: Scenario = {
  description: 'verrou takes a free lock and gives it back around res.json()',
  serve({ connect }) {
    const store = { driver: redisStore({ connection: connect() }) };
    const verrou = new Verrou({ default: 'redis', stores: { redis: store } });
    const next = cycle('stock/');
    return express().get('/catalogue', async (req, res) => {
      const lock = verrou.createLock(next(), 30_000);
      const isHeld = await lock.acquireImmediately();
      res.setHeader('X-Token', lock.getOwner());
      if (isHeld) await lock.release();
      answerCatalogue(req, res);
    });
  },
  prepare: askCatalogue,
  check: catalogueIs({ 'X-Token': /./ }),
};
