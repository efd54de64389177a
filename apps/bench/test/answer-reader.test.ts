import { describe, expect, it } from '@jest/globals';
import { AnswerReader } from '../src/answer-reader.js';

const answer = Buffer.from(
  'HTTP/1.1 201 Created\r\nX-A: b\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 5\r\n\r\nhello',
);

describe('AnswerReader', () => {
  it('gives an answer when its last byte has come', () => {
    const reader = new AnswerReader();
    expect(reader.push(answer.subarray(0, -1))).toBeUndefined();
    const whole = reader.push(answer.subarray(-1));
    expect([whole?.status, whole?.body.toString()]).toEqual([201, 'hello']);
    expect(whole?.read()).toEqual({
      status: 201,
      headers: { 'x-a': 'b', 'content-length': '5', 'set-cookie': 'b=2' },
      cookies: ['a=1', 'b=2'],
      body: 'hello',
    });
  });

  it('reads answers in pieces of any size, one after the other', () => {
    for (const size of [1, 2, 7, 30]) {
      const reader = new AnswerReader();
      const seen = [];
      for (const bytes of [answer, answer]) {
        for (let at = 0; at < bytes.length; at += size) seen.push(reader.push(bytes.subarray(at, at + size)));
      }
      const bodies = seen.filter((each) => each !== undefined).map(({ body }) => body.toString());
      expect(bodies).toEqual(['hello', 'hello']);
    }
  });

  it.each([204, 304])('knows that %i has no body', (status) => {
    const whole = new AnswerReader().push(Buffer.from(`HTTP/1.1 ${status} X\r\nETag: "a"\r\n\r\n`));
    expect([whole?.status, whole?.body.length]).toEqual([status, 0]);
  });

  it('refuses an answer whose end it cannot tell', () => {
    const chunked = Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n');
    expect(() => new AnswerReader().push(chunked)).toThrow('without Content-Length');
  });
});
