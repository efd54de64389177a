import { describe, expect, it } from '@jest/globals';
import { createGuessWatch } from '../src/guess-watch.js';

describe('createGuessWatch()', () => {
  it('tells once per window and network, at the twentieth guess', () => {
    let nowMs = 0;
    const watch = createGuessWatch(() => nowMs);
    const note = (network: string, times: number) => Array.from({ length: times }, () => watch.note(network));
    expect(note('a', 19)).toStrictEqual(Array.from({ length: 19 }, () => undefined));
    expect(note('b', 1)).toStrictEqual([undefined]);
    expect(note('a', 30).filter(Boolean)).toStrictEqual([20]);
    nowMs += 59_999;
    expect(note('a', 30).filter(Boolean)).toStrictEqual([]);
    nowMs += 1;
    expect(note('a', 30).filter(Boolean)).toStrictEqual([20]);
  });

  it('forgets the oldest network of ten thousand', () => {
    const watch = createGuessWatch(() => 0);
    for (let guess = 0; guess < 19; guess += 1) watch.note('first');
    for (let network = 0; network < 10_000; network += 1) watch.note(`n${network}`);
    expect(watch.note('first')).toBeUndefined();
  });
});
