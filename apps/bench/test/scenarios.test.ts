import { describe, expect, it } from '@jest/globals';
import { dedicatedRedis, listen } from '@sallyport/testkit';
import { expectAnswer, WrongAnswerError, type Answer } from '../src/scenario.js';
import { catalogue, loadScenario, REFERENCE } from '../src/scenarios/catalogue.js';
import { send } from '../src/send.js';

describe('the catalogue', () => {
  it.each([...catalogue.keys()])('has %s, whose answers are what it says they are', async (name) => {
    const scenario = await loadScenario(name);
    const redis = await dedicatedRedis();
    const { server } = await listen(await scenario.serve(() => redis.client()));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening on a port');
    const request = await scenario.prepare((each) => send(address.port, each));
    for (let count = 0; count < 3; count += 1) scenario.check(await send(address.port, request));
    expect(scenario.description.length).toBeGreaterThan(10);
    expect(() => scenario.check({ status: 200, headers: {}, cookies: [], body: '{}' })).toThrow(WrongAnswerError);
  });

  it('contains the reference', () => {
    expect(catalogue.has(REFERENCE)).toBe(true);
  });

  it('refuses a name that it does not have', async () => {
    await expect(loadScenario('no/such')).rejects.toThrow('There is no scenario no/such: node/http, express/json');
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
  ])('says "%s"', (message, expected) => {
    expect(() => expectAnswer(answer, expected)).toThrow(message);
  });
});
