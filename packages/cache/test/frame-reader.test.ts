import { describe, expect, it } from '@jest/globals';
import { randomBytes, randomInt } from 'node:crypto';
import { createFrameReader } from '../src/frame-reader.js';
import { decodeFrame, encodeFrame, Kind, SOFT_AT, trailerOf } from '../src/frame.js';

function frame(body: Buffer, versions: readonly string[] = ['f1', 'g1', 'v1']): Buffer {
  const content = { kind: Kind.Bytes, lingers: true, isCompressed: false, freshMs: 60_000, costMs: 7, tags: ['a'] };
  return Buffer.concat([encodeFrame({ ...content, body }), trailerOf(1_700_000_000_000, versions)]);
}

function changed(bytes: Buffer, at: number, text: string): Buffer {
  const copy = Buffer.from(bytes);
  copy.write(text, at, 'latin1');
  return copy;
}

describe('createFrameReader()', () => {
  it('gives for every frame what decodeFrame() gives, whatever came before', () => {
    const one = frame(randomBytes(40));
    const frames = [
      one,
      Buffer.from(one),
      changed(one, SOFT_AT, '1700000000123'),
      changed(one, one.length - 3, 'x'),
      changed(one, one.length - 1, 'x'),
      one.subarray(0, -1),
      Buffer.concat([one, Buffer.from(';')]),
      changed(one, 3, '\u0000'),
      frame(randomBytes(40)),
      frame(randomBytes(41)),
      frame(Buffer.alloc(0)),
      frame(randomBytes(40), ['f1', 'g2', 'v1']),
      frame(randomBytes(40), ['f1', 'g1']),
      Buffer.alloc(0),
      randomBytes(200),
    ];
    const read = createFrameReader();
    for (let round = 0; round < 3_000; round += 1) {
      const bytes = frames[randomInt(frames.length)] ?? one;
      expect(read(bytes)).toStrictEqual(decodeFrame(bytes));
    }
  });

  it('gives the body that came, also behind a head that is known, and copies nothing', () => {
    const read = createFrameReader();
    const one = frame(Buffer.from('first body'));
    read(one);
    const start = one.indexOf('first body');
    const other = changed(one, start, 'other');
    expect(read(other)?.body.toString()).toBe('other body');
    expect(read(other)?.body.buffer).toBe(other.buffer);
  });
});
