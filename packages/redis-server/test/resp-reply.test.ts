import { describe, expect, it } from '@jest/globals';
import { decodeReply, RespError } from '../src/resp-reply.js';

const decode = (text: string) => decodeReply(Buffer.from(text), 0)?.reply;

describe('decodeReply()', () => {
  it.each([
    ['+OK\r\n', 'OK'],
    [':-42\r\n', -42],
    ['$5\r\nhe\r\nl\r\n', 'he\r\nl'],
    ['$0\r\n\r\n', ''],
    ['$-1\r\n', null],
    ['*-1\r\n', null],
    ['*0\r\n', []],
    ['*2\r\n$1\r\na\r\n*2\r\n:1\r\n+b\r\n', ['a', [1, 'b']]],
  ])('decodes %j', (text, expected) => {
    expect(decode(text)).toEqual(expected);
  });

  it('measures lengths in bytes', () => {
    expect(decodeReply(Buffer.from('$4\r\nüö\r\n+next\r\n'), 0)).toEqual({ reply: 'üö', end: 10 });
  });

  it('waits for the rest of every reply that is cut off anywhere', () => {
    const whole = '*2\r\n$3\r\nabc\r\n:1\r\n';
    for (let length = 0; length < whole.length; length += 1) expect(decode(whole.slice(0, length))).toBeUndefined();
    expect(decode(whole)).toEqual(['abc', 1]);
  });

  it('gives an error reply back as a value', () => {
    expect(decode('-ERR no such thing\r\n')).toEqual(new RespError('ERR no such thing'));
  });

  it('refuses bytes that are not RESP2', () => {
    expect(() => decode('HTTP/1.1 400 Bad Request\r\n')).toThrow('not a RESP2 reply: HTTP/1.1 400');
  });
});
