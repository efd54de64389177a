import { readFile } from 'node:fs/promises';
import { expect, it, jest } from '@jest/globals';
import { checklist } from './checklist.js';
import { plainSubject } from './plain-shop.js';

const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');

it('is met by plain express-session on connect-redis as far as the README says', async () => {
  jest.spyOn(console, 'error').mockImplementation(() => undefined);
  jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  const rows: string[] = [];
  const met: number[] = [];
  const reasons: Record<number, string> = {};
  for (const [group, lines] of Object.entries(checklist)) {
    const before = met.length;
    for (const { line, check } of lines) {
      try {
        await check(plainSubject);
        met.push(line);
      } catch (error) {
        reasons[line] = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
      }
    }
    const range = `${lines[0]?.line}–${lines.at(-1)?.line}`;
    rows.push(
      `| ${group} | ${range} | ${lines.length} of ${lines.length} | ${met.length - before} of ${lines.length} |`,
    );
  }
  rows.push(`| all | 1–48 | 48 of 48 | ${met.length} of 48 |`);
  rows.push(`The latter meets lines ${met.join(', ')}.`);
  const printed = readme.replaceAll(/ +\|/g, ' |').replaceAll(/\| +/g, '| ').split('\n');
  const missing = rows.filter((row) => !printed.includes(row));
  // The reasons are here to be read in the diff.
  expect(missing.length === 0 ? { missing } : { missing, reasons }).toStrictEqual({ missing: [] });
}, 60_000);
