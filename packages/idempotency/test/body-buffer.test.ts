import { describe, expect, it } from '@jest/globals';
import { BodyBuffer } from '../src/body-buffer.js';

describe('BodyBuffer', () => {
  it('joins chunks of all kinds and copies them', () => {
    const body = new BodyBuffer(100);
    const reused = Buffer.from('two ');
    body.add('one ', undefined);
    body.add(reused, undefined);
    reused.fill('x');
    body.add('ä', 'latin1');
    body.add(new Uint8Array([0, 255]), undefined);
    expect(body.bytes).toStrictEqual(Buffer.concat([Buffer.from('one two '), Buffer.from([0xe4, 0, 255])]));
  });

  it('keeps up to its limit in bytes and nothing beyond, for good', () => {
    const body = new BodyBuffer(4);
    body.add('ää', undefined);
    expect(body.bytes).toHaveLength(4);
    body.add('x', undefined);
    expect(body.bytes).toBeUndefined();
    body.add('', undefined);
    expect(body.bytes).toBeUndefined();
  });
});
