import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import * as serverPackage from '@sallyport/server';
import { startQuickStart } from '@sallyport/testkit';
import request from 'supertest';

const readFileBeside = (path: string) => readFile(new URL(path, import.meta.url), 'utf8');
const readme = await readFileBeside('../README.md');

describe('README', () => {
  it('shows the quick start that runs here', async () => {
    expect(/```ts\n(.*?)```/s.exec(readme)?.[1]).toBe(await readFileBeside('./quick-start.ts'));
    const url = await startQuickStart(new URL('./quick-start.ts', import.meta.url));
    expect((await request(url).get('/')).body).toEqual({ hello: 'world' });
    expect((await request(url).get('/ready')).status).toBe(200);
  });

  it('mentions every export, every error code and every event', async () => {
    for (const name of Object.keys(serverPackage)) expect(readme).toContain(name);
    const sources = (await readFileBeside('../src/errors.ts')) + (await readFileBeside('../src/events.ts'));
    const words = [...sources.matchAll(/'(ERR_SERVER_\w+|shutdown-\w+)'/g)].map(([, word]) => word);
    expect(words).toHaveLength(6);
    for (const word of words) expect(readme).toContain(`\`${word}\``);
  });

  it('lists the options with their defaults', async () => {
    const source = await readFileBeside('../src/options.ts');
    const options = [...source.matchAll(/@default (.+?) \*\/\s+readonly (\w+)\?:/g)];
    expect(options).toHaveLength(11);
    for (const [, fallback, name] of options) {
      const row = new RegExp(`^\\| \`${name}\`.*$`, 'm').exec(readme)?.[0] ?? `no row for ${name}`;
      expect(row).toContain(fallback === 'undefined' ? '–' : fallback);
    }
  });
});
