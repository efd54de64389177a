import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { dedicatedRedis } from '@sallyport/testkit';
import { loadScenario, names, REFERENCE, subjectOf } from '../src/catalogue.js';
import { expectAnswer, type Answer } from '../src/scenario.js';

describe('the catalogue', () => {
  it('has scenarios that describe themselves, answer as they say, and refuse another answer', async () => {
    const { url } = await dedicatedRedis();
    const tsx = createRequire(import.meta.url).resolve('tsx');
    const program = fileURLToPath(new URL('./scenario-process.ts', import.meta.url));
    const args = ['--conditions=@sallyport/source', '--import', tsx, program, url];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(JSON.parse(stdout)).toEqual(Object.fromEntries(names.map((name) => [name, 'right'])));
  }, 60_000);

  it('contains the reference, and peers for each of our subjects', () => {
    expect(names).toContain(REFERENCE);
    const subjects = new Set(names.filter((name) => name.includes('/sallyport')).map(subjectOf));
    const withPeers = [...subjects].filter((subject) =>
      names.some((name) => subjectOf(name) === subject && !name.includes('/sallyport')),
    );
    expect(withPeers).toEqual([...subjects]);
    expect(subjects.size).toBeGreaterThanOrEqual(7);
  });

  it('refuses a name that it does not have', async () => {
    await expect(loadScenario('no/such')).rejects.toThrow('There is no scenario no/such: express/html, express/json, ');
  });
});

describe('expectAnswer()', () => {
  const answer: Answer = { status: 200, headers: { 'x-cache': 'HIT' }, cookies: [], body: 'text' };

  it('accepts the answer that is expected', () => {
    const attempt = () =>
      expectAnswer(answer, { status: 200, headers: { 'X-Cache': /^HIT$/, Age: undefined }, body: 'text' });
    expect(attempt).not.toThrow();
  });

  it.each([
    ['status 200 instead of 304', { status: 304, headers: {}, body: 'text' }],
    ['X-Cache: HIT instead of /^MISS$/', { status: 200, headers: { 'X-Cache': /^MISS$/ }, body: 'text' }],
    ['X-Cache: HIT instead of absent', { status: 200, headers: { 'X-Cache': undefined }, body: 'text' }],
    ['Age: absent instead of /./', { status: 200, headers: { Age: /./ }, body: 'text' }],
    ['another body: text', { status: 200, headers: {}, body: 'other' }],
    ['another body: text', { status: 200, headers: {}, body: /^other/ }],
  ])('says "%s"', (message, expected) => {
    expect(() => expectAnswer(answer, expected)).toThrow(message);
  });
});
