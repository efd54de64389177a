import { describe, expect, it } from '@jest/globals';
import { batchReads } from '../src/batched-reads.js';

/** Gives each key's own name as its value, and notes what was sent. */
function echo() {
  const sent: (readonly string[])[] = [];
  const read = batchReads(async (keys) => {
    sent.push(keys);
    return keys.map((key) => (key.startsWith('no') ? undefined : Buffer.from(key)));
  });
  const texts = async (...keys: string[]) => (await read(keys)).map((value) => value?.toString());
  return { sent, read, texts };
}

describe('batchReads()', () => {
  it('sends the reads of one turn together, each key once, and gives every caller its own values in order', async () => {
    const { sent, texts } = echo();
    const answers = await Promise.all([texts('a', 'version'), texts('b', 'no-b', 'version'), texts('version', 'a')]);
    expect(answers).toStrictEqual([
      ['a', 'version'],
      ['b', undefined, 'version'],
      ['version', 'a'],
    ]);
    expect(sent).toStrictEqual([['a', 'version', 'b', 'no-b']]);
  });

  it('tells each read when it leaves, before its values come, and sends later ones apart', async () => {
    const { sent, read } = echo();
    const left: string[] = [];
    const first = read(['a'], () => left.push('first'));
    expect(left).toStrictEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(left).toStrictEqual(['first']);
    await Promise.all([first, read(['a'], () => left.push('second'))]);
    expect(left).toStrictEqual(['first', 'second']);
    expect(sent).toStrictEqual([['a'], ['a']]);
  });

  it('puts at most 200 different keys into one command', async () => {
    const { sent, texts } = echo();
    const keysOf = (caller: number) => Array.from({ length: 5 }, (_, index) => `k${caller * 5 + index}`);
    const answers = await Promise.all(Array.from({ length: 100 }, (_, caller) => texts(...keysOf(caller))));
    answers.forEach((values, caller) => expect(values).toStrictEqual(keysOf(caller)));
    expect(sent.map(({ length }) => length)).toStrictEqual([200, 200, 100]);
  });

  it('rejects all reads of a command that fails, and none of the next one', async () => {
    let isDown = true;
    const read = batchReads(async (keys) => {
      if (isDown) throw new Error('down');
      return keys.map(() => undefined);
    });
    const outcomes = await Promise.allSettled([read(['a']), read(['b'])]);
    expect(outcomes.map(({ status }) => status)).toStrictEqual(['rejected', 'rejected']);
    isDown = false;
    expect(await read(['a'])).toStrictEqual([undefined]);
  });
});
