import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import * as sessionPackage from '@sallyport/session';
import { startQuickStart } from '@sallyport/testkit';
import request from 'supertest';

const readFileBeside = (path: string) => readFile(new URL(path, import.meta.url), 'utf8');
const readme = await readFileBeside('../README.md');

describe('README', () => {
  it('shows the quick start that runs here, which counts visits through a log-in', async () => {
    const quickStart = await readFileBeside('./quick-start.ts');
    expect(/```ts\n(.*?)```/s.exec(readme)?.[1]).toBe(quickStart);

    const browser = request.agent(await startQuickStart(new URL('./quick-start.ts', import.meta.url)));
    expect((await browser.get('/')).body).toStrictEqual({ userId: null, visits: 1 });
    expect((await browser.get('/')).body).toStrictEqual({ userId: null, visits: 2 });
    expect((await browser.post('/log-in')).body).toStrictEqual([expect.objectContaining({ isCurrent: true })]);
    expect((await browser.get('/')).body).toStrictEqual({ userId: 'ann', visits: 3 });
  });

  it('mentions every export, every error code and every event', async () => {
    for (const name of Object.keys(sessionPackage)) expect(readme).toContain(name);
    const sources = (await readFileBeside('../src/errors.ts')) + (await readFileBeside('../src/events.ts'));
    const codes = [...sources.matchAll(/ERR_SESSION_\w+/g)].map(([code]) => code);
    const events = [...sources.matchAll(/type: '([\w-]+)'/g)].map(([, type]) => type);
    expect([codes.length, events.length]).toStrictEqual([11, 22]);
    for (const word of [...codes, ...events, 'ERR_SESSION_OPTION']) expect(readme).toContain(`\`${word}\``);
  });

  it('lists the options and the methods of the handle', async () => {
    const options = /interface SessionsOptions \{(.*?)\n\}/s.exec(await readFileBeside('../src/options.ts'))?.[1] ?? '';
    const cookie = /interface CookieOptions \{(.*?)\n\}/s.exec(await readFileBeside('../src/cookie.ts'))?.[1] ?? '';
    const names = (text: string) => [...text.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name]) => name);
    expect([names(options).length, names(cookie).length]).toStrictEqual([26, 7]);
    for (const name of names(options)) expect(readme).toContain(`| \`${name}\``);
    for (const name of names(cookie)) expect(readme).toContain(`| \`cookie.${name}\``);
    const handle = /interface Sessions<.*?\{(.*?)\n\}/s.exec(await readFileBeside('../src/sessions.ts'))?.[1] ?? '';
    const methods = [...handle.matchAll(/^ {2}(\w+)\(/gm)].map(([, name]) => name);
    expect(methods).toHaveLength(15);
    for (const name of methods) expect(readme).toContain(`| \`${name}(`);
  });
});
