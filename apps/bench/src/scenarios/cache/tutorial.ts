import express from 'express';
import { fillCache } from '../../fill-cache.js';
import { CATALOGUE, catalogueIs } from '../../fixtures.js';
import { payload } from '../../payload.js';
import type { Scenario } from '../../scenario.js';

export const scenario: Scenario = {
  description: "the tutorials' cache: GET by hand, JSON.parse(), res.json()",
  serve({ connect }) {
    const redis = connect();
    return express().get('/catalogue', async (req, res) => {
      const key = `cache:${req.originalUrl}`;
      const stored = await redis.get(key);
      if (stored === null) {
        await redis.set(key, JSON.stringify(payload), 'EX', 3_600);
        res.json(payload);
      } else {
        res.setHeader('X-Cache', 'HIT').json(JSON.parse(stored));
      }
    });
  },
  prepare: (send) => fillCache(send, CATALOGUE),
  check: catalogueIs({ ETag: /./, 'X-Cache': /^HIT$/ }),
};
