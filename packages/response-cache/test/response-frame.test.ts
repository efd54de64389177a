import { describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { decodeResponse, encodeResponse, type StoredResponse } from '../src/response-frame.js';

const LIVES = [1, 0, 0, 1];
const response: StoredResponse = {
  status: 203,
  headers: [
    ['Content-Type', 'text/html'],
    ['Link', ['<a>', '<b>']],
  ],
  isShared: true,
  ageSeconds: 7,
  life: { ttlMs: 9_000, staleWhileRevalidateMs: 1_000, staleIfErrorMs: 2_000, isStaleAllowed: true },
  body: randomBytes(500),
};

function framed(head: unknown, body = ''): Buffer {
  const text = Buffer.from(typeof head === 'string' ? head : JSON.stringify(head));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return Buffer.concat([length, text, Buffer.from(body)]);
}

describe('decodeResponse()', () => {
  it('gives back what encodeResponse() was given', () => {
    expect(decodeResponse(encodeResponse(response))).toStrictEqual(response);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['a length beyond the end', Buffer.from([255, 0, 0, 0, 1])],
    ['a head that is no JSON', framed('{"')],
    ['a head that is no list', framed({ status: 200 })],
    ['a status of another range', framed([999, false, 0, LIVES, []])],
    ['a status that is no number', framed(['200', false, 0, LIVES, []])],
    ['times that are no list', framed([200, false, 0, 7, []])],
    ['times below zero', framed([200, false, 0, [1, -1, 0, 1], []])],
    ['times that are missing', framed([200, false, 0, [1, 0], []])],
    ['headers that are no list', framed([200, false, 0, LIVES, { a: 'b' }])],
    ['a header with a line break', framed([200, false, 0, LIVES, [['X-A', 'a\r\nSet-Cookie: b=c']]])],
    ['a name with a line break', framed([200, false, 0, LIVES, [['X-A\r\nX-B', 'a']]])],
    ['a header that is no string', framed([200, false, 0, LIVES, [['X-A', { b: 1 }]]])],
  ])('takes %s for no response', (_name, bytes) => {
    expect(decodeResponse(bytes)).toBeUndefined();
  });
});
