// The 48 lines, in their groups.

import { abuseLines } from './abuse-lines.js';
import { cookieLines } from './cookie-lines.js';
import { deviceLines } from './device-lines.js';
import { identifierLines } from './identifier-lines.js';
import { lifeCycleLines } from './life-cycle-lines.js';
import type { Line } from './line.js';
import { storageLines } from './storage-lines.js';

export const checklist: Readonly<Record<string, readonly Line[]>> = {
  Identifier: identifierLines,
  Cookie: cookieLines,
  'Life cycle': lifeCycleLines,
  'Users and devices': deviceLines,
  Abuse: abuseLines,
  'Storage and logs': storageLines,
};
