import { describe, expect, it } from '@jest/globals';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { isReplayed, readHead, writeKeptHead } from '../src/answer-head.js';
import { formatHead, parseHead } from '../src/kept-answer.js';

const response = () => new ServerResponse(new IncomingMessage(new Socket()));

describe('isReplayed()', () => {
  it.each(['Content-Type', 'Location', 'ETag', 'Retry-After', 'Link', 'X-Order', 'Cache-Control', 'X-Rate'])(
    'sends %s again',
    (name) => expect(isReplayed(name)).toBe(true),
  );

  it.each([
    'Connection',
    'Keep-Alive',
    'Transfer-Encoding',
    'Trailer',
    'Upgrade',
    'Date',
    'Content-Length',
    'Set-Cookie',
    'RateLimit',
    'RateLimit-Policy',
    'X-RateLimit-Remaining',
    'X-Rate-Limit-Reset',
    'traceparent',
    'tracestate',
    'X-Request-Id',
    'X-Correlation-Id',
    'Server-Timing',
    'Idempotency-Replayed',
  ])('does not send %s again', (name) => expect(isReplayed(name)).toBe(false));

  it('does not send again what Connection names (RFC 9110 §7.6.1)', () => {
    const res = response().setHeader('Connection', 'close, X-Hop').setHeader('X-Hop', '1').setHeader('X-End', '2');
    expect(readHead(res, {}).headers).toStrictEqual([['X-End', '2']]);
  });
});

describe('readHead() and writeKeptHead()', () => {
  it('carry status, reason, values, and what was taken away, through JSON', () => {
    const first = response().setHeader('X-Powered-By', 'Express').setHeader('X-Same', 'same').setHeader('Vary', 'A');
    const before = first.getHeaders();
    first.removeHeader('X-Powered-By');
    first.setHeader('Vary', 'A, B').setHeader('Link', ['</a>', '</b>']).setHeader('X-Number', 7);
    first.statusCode = 202;
    first.statusMessage = 'Wait';
    const head = parseHead(formatHead({ ...readHead(first, before), isBodyKept: true }));
    expect(head.headers.map(([name]) => name)).toStrictEqual(['Vary', 'Link', 'X-Number']);

    const second = response().setHeader('X-Powered-By', 'Express').setHeader('X-Same', 'new').setHeader('Vary', 'A');
    writeKeptHead(second, head);
    expect({ ...second.getHeaders() }).toStrictEqual({
      'x-same': 'new',
      vary: 'A, B',
      link: ['</a>', '</b>'],
      'x-number': '7',
    });
    expect([second.statusCode, second.statusMessage]).toStrictEqual([202, 'Wait']);
  });
});

describe('parseHead()', () => {
  it.each(['{"version":2,"status":200}', 'null', '[]'])('refuses %s', (text) => {
    expect(() => parseHead(text)).toThrow(TypeError);
  });
});
