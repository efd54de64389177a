import { createRequire } from 'node:module';
import express from 'express';
import type { Redis } from 'ioredis';
import { answerCatalogue, askCatalogue, catalogueIs, cycle } from '../../fixtures.js';
import type { Scenario } from '../../scenario.js';

/** What we use of redlock 4, which has no types. */
type Redlock = new (clients: Redis[]) => {
  lock(resource: string, ttlMs: number): Promise<{ readonly value: string; unlock(): Promise<void> }>;
};

export const scenario: Scenario = {
  description: 'redlock takes a free lock on one server and gives it back around res.json()',
  serve({ connect }) {
    const redlock = new (createRequire(import.meta.url)('redlock') as Redlock)([connect()]);
    const next = cycle('stock/');
    return express().get('/catalogue', async (req, res) => {
      const lock = await redlock.lock(next(), 30_000);
      res.setHeader('X-Token', lock.value);
      await lock.unlock();
      answerCatalogue(req, res);
    });
  },
  prepare: askCatalogue,
  check: catalogueIs({ 'X-Token': /./ }),
};
