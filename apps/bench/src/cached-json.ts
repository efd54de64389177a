import express, { type Express } from 'express';
import { payload } from './payload.js';

/** The route of a cache that is asked for a value by the handler; the answer says how often the value was made. */
export function cachedJson(getOrSet: (key: string, load: () => Promise<unknown>) => Promise<unknown>): Express {
  let loads = 0;
  const load = async () => {
    loads += 1;
    return payload;
  };
  return express().get('/catalogue', async (req, res) => {
    const value = await getOrSet(req.originalUrl, load);
    res.setHeader('X-Loads', loads);
    res.json(value);
  });
}
