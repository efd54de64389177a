import express from 'express';
import { fillPage, page, pageIs } from '../../page.js';
import type { Scenario } from '../../scenario.js';

export const scenario: Scenario = {
  description: "the tutorials' cache with 50 KB of HTML: GET by hand, res.send()",
  baseline: 'express/html',
  serve({ connect }) {
    const redis = connect();
    return express().get('/page', async (req, res) => {
      const key = `cache:${req.originalUrl}`;
      const stored = await redis.get(key);
      if (stored === null) {
        await redis.set(key, page, 'EX', 3_600);
        res.send(page);
      } else {
        res.setHeader('X-Cache', 'HIT').send(stored);
      }
    });
  },
  prepare: fillPage,
  check: pageIs({ ETag: /./, 'X-Cache': /^HIT$/ }),
};
