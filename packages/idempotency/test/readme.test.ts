import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { startQuickStart } from '@sallyport/testkit';
import * as idempotencyPackage from '@sallyport/idempotency';
import { exchange, headerOf } from './exchange.js';

const readFileBeside = (path: string) => readFile(new URL(path, import.meta.url), 'utf8');
const readme = await readFileBeside('../README.md');

describe('README', () => {
  it('shows the quick start that runs here, and it takes an order once', async () => {
    const quickStart = await readFileBeside('./quick-start.ts');
    expect(/```ts\n(.*?)```/s.exec(readme)?.[1]).toBe(quickStart);

    const url = `${await startQuickStart(new URL('./quick-start.ts', import.meta.url))}/orders`;
    const headers = { 'Idempotency-Key': '"8e03978e"', 'X-User': 'ann' };
    const send = (item: number) => exchange(url, { headers, body: `{"item":${item}}` });
    const first = await send(7);
    expect([first.status, first.body]).toStrictEqual([201, '{"order":1,"item":7}']);
    const second = await send(7);
    expect([second.status, second.body]).toStrictEqual([201, first.body]);
    expect(headerOf(second, 'idempotency-replayed')).toBe('true');
    expect((await send(8)).status).toBe(422);
  });

  it('mentions every export, every error code, and every problem type', () => {
    for (const name of Object.keys(idempotencyPackage)) expect(readme).toContain(name);
    for (const code of ['OPTION', 'SCOPE', 'BODY_NOT_PARSED', 'BODY_NOT_COMPARABLE', 'LOST', 'STEP']) {
      expect(readme).toContain(`ERR_IDEMPOTENCY_${code}`);
    }
    for (const type of Object.values(idempotencyPackage.problemTypes)) {
      expect(readme).toContain(`\`#${type.split('#')[1]}\``);
    }
  });

  it('lists the options with their defaults, as they are checked', async () => {
    const source = await readFileBeside('../src/options.ts');
    const checks = /const CHECKS = \{(.*?)\n\};/s.exec(source)?.[1] ?? '';
    const names = [...checks.matchAll(/^ {2}(\w+)[:,]/gm)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(10);
    for (const name of names) expect(readme).toContain(`| \`${name}\``);
  });
});
