import { describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { decodeFrame, encodeFrame, HEADER_BYTES, Kind, SOFT_AT, trailerOf, type FrameContent } from '../src/frame.js';

const content: FrameContent = {
  kind: Kind.Bytes,
  lingers: true,
  isCompressed: false,
  freshMs: 60_000,
  costMs: 7,
  tags: ['ä tag', 'b'],
  body: randomBytes(300),
};
const versions = ['f1', 'g1', 'v1', 'v2'];
const whole = (made = content, stamps = versions) =>
  Buffer.concat([encodeFrame(made), trailerOf(1_700_000_000_000, stamps)]);

describe('decodeFrame()', () => {
  it('gives back what encodeFrame() was given, with the time and the versions of the trailer', () => {
    const stamped = {
      storedAtMs: 1_700_000_000_000,
      softAtMs: 0,
      fence: 'f1',
      generation: 'g1',
      versions: ['v1', 'v2'],
    };
    expect(decodeFrame(whole())).toStrictEqual({ ...content, ...stamped });
    const bare = { ...content, lingers: false, isCompressed: true, tags: [], body: Buffer.alloc(0) };
    expect(decodeFrame(whole(bare, ['-', 'g1']))).toStrictEqual({ ...bare, ...stamped, fence: '', versions: [] });
  });

  it('makes two frames of the same content different in their headers', () => {
    expect(encodeFrame(content).subarray(0, HEADER_BYTES)).not.toStrictEqual(
      encodeFrame(content).subarray(0, HEADER_BYTES),
    );
  });

  it('gives undefined for every truncation', () => {
    const bytes = whole();
    for (let length = 0; length < bytes.length; length += 1) {
      expect(decodeFrame(bytes.subarray(0, length))).toBeUndefined();
    }
    expect(decodeFrame(Buffer.concat([bytes, Buffer.from('x')]))).toBeUndefined();
  });

  it('gives undefined when any bit of the header or head is flipped, or a right frame of other type', () => {
    const bytes = whole();
    const headEnd = HEADER_BYTES + bytes.readUInt32LE(4);
    for (let bit = 0; bit < headEnd * 8; bit += 1) {
      // A soft purge writes here; what is no number is refused.
      if (bit >= SOFT_AT * 8 && bit < HEADER_BYTES * 8) continue;
      const damaged = Buffer.from(bytes);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(decodeFrame(damaged)).toBeUndefined();
    }
  });

  it('gives undefined for random bytes and for text', () => {
    for (let round = 0; round < 200; round += 1) expect(decodeFrame(randomBytes(round))).toBeUndefined();
    expect(decodeFrame(Buffer.from('{"value":1}'))).toBeUndefined();
  });

  it('gives undefined for a trailer with more or fewer versions than tags', () => {
    expect(decodeFrame(whole(content, versions.slice(1)))).toBeUndefined();
    expect(decodeFrame(whole(content, [...versions, 'v3']))).toBeUndefined();
  });

  it('does not copy the body', () => {
    const bytes = whole();
    expect(decodeFrame(bytes)?.body.buffer).toBe(bytes.buffer);
  });
});
