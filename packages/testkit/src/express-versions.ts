import { createRequire } from 'node:module';
import express from 'express';

/** Express as a function with its own members (`Router`, `json`, …). */
export type Express = typeof express;

// The alias has no types of its own; for what tests call, those of Express 5 hold for Express 4 too.
const express4 = createRequire(import.meta.url)('express4') as Express;

/** For `describe.each`: each middleware is tested on both versions, because only 5 forwards rejected promises. */
export const expressVersions: readonly { readonly name: 'Express 4' | 'Express 5'; readonly express: Express }[] = [
  { name: 'Express 4', express: express4 },
  { name: 'Express 5', express },
];
