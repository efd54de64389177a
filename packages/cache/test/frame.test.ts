import { describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { decodeFrame, encodeFrame, Kind, type Frame } from '../src/frame.js';

const frame: Frame = {
  kind: Kind.Bytes,
  lingers: true,
  storedAtMs: 1_700_000_000_000,
  freshMs: 60_000,
  costMs: 7,
  fence: 'f1',
  generation: 'g1',
  tags: ['ä tag', 'v1', 'b', 'v2'],
  body: randomBytes(300),
};

describe('decodeFrame()', () => {
  it('gives back what encodeFrame() was given', () => {
    expect(decodeFrame(encodeFrame(frame))).toStrictEqual(frame);
    const bare = { ...frame, lingers: false, fence: '', tags: [], body: Buffer.alloc(0) };
    expect(decodeFrame(encodeFrame(bare))).toStrictEqual(bare);
  });

  it('gives undefined for every truncation', () => {
    const bytes = encodeFrame(frame);
    for (let length = 0; length < bytes.length; length += 1) {
      expect(decodeFrame(bytes.subarray(0, length))).toBeUndefined();
    }
    expect(decodeFrame(Buffer.concat([bytes, Buffer.from('x')]))).toBeUndefined();
  });

  it('gives undefined when any bit of the header or head is flipped, or a right frame of other type', () => {
    const bytes = encodeFrame(frame);
    const headEnd = bytes.length - frame.body.length;
    for (let bit = 0; bit < headEnd * 8; bit += 1) {
      // Kind and flags carry no check of their own.
      if (bit >= 16 && bit < 32) continue;
      const damaged = Buffer.from(bytes);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(decodeFrame(damaged)).toBeUndefined();
    }
  });

  it('gives undefined for random bytes and for text', () => {
    for (let round = 0; round < 200; round += 1) expect(decodeFrame(randomBytes(round))).toBeUndefined();
    expect(decodeFrame(Buffer.from('{"value":1}'))).toBeUndefined();
  });

  it('does not copy the body', () => {
    const bytes = encodeFrame(frame);
    expect(decodeFrame(bytes)?.body.buffer).toBe(bytes.buffer);
  });
});
