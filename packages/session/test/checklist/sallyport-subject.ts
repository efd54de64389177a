import { readFileSync } from 'node:fs';
import { createSessionId } from '../../src/session-id.js';
import { openShop, secret } from '../shop.js';
import type { Subject } from './line.js';

export const sallyportSubject: Subject = {
  name: '@sallyport/session',
  secret,
  open: (options) => openShop(options),
  createIds: (count) => Array.from({ length: count }, () => createSessionId()),
  signatureSource: readFileSync(new URL('../../src/signed-cookie.ts', import.meta.url), 'utf8'),
};
