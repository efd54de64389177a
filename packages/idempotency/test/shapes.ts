import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { NextFunction, Request, Response } from 'express';

type Handler = (req: Request, res: Response, next: NextFunction) => unknown;

const allBytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
const file = fileURLToPath(new URL('../package.json', import.meta.url));
// Express shows the stack, which differs between two routes.
const failWith = (status: number) => Object.assign(new Error(), { status, stack: `failed with ${status}` });

/** The ways in which handlers answer. */
export const shapes: Readonly<Record<string, Handler>> = {
  'json with an object': (_req, res) => res.json({ id: 7, items: ['ä', '日本'] }),
  'json with 0': (_req, res) => res.json(0),
  'json with false': (_req, res) => res.json(false),
  'json with null': (_req, res) => res.json(null),
  'json with an empty string': (_req, res) => res.json(''),
  'json with a status and Location': (_req, res) => res.status(201).location('/orders/7').json({ id: 7 }),
  'send with HTML': (_req, res) => res.send('<p>thank you</p>'),
  'send with bytes': (_req, res) => res.send(allBytes),
  'send with nothing': (_req, res) => res.send(),
  'send with type and ETag': (_req, res) => res.type('text/csv').set('ETag', '"v1"').send('a;b\n1;2\n'),
  'sendStatus 202': (_req, res) => res.sendStatus(202),
  '204 by end': (_req, res) => res.status(204).end(),
  '204 by send': (_req, res) => res.status(204).send(),
  '204 with a body by mistake': (_req, res) => res.status(204).end('nobody reads this'),
  '304 with a body by mistake': (_req, res) => res.status(304).end('nobody reads this'),
  '205 by end': (_req, res) => res.status(205).end(),
  'end with nothing': (_req, res) => res.end(),
  'end with text': (_req, res) => res.end('done'),
  'end with latin1 text': (_req, res) => res.end('ä', 'latin1'),
  'end with bytes': (_req, res) => res.end(allBytes),
  'end with bytes that are changed afterwards': (_req, res) => {
    const bytes = Buffer.from('before');
    res.end(bytes);
    bytes.fill('x');
  },
  'end with a callback': (_req, res) => res.end('done', () => undefined),
  'end twice': (_req, res) => {
    res.end('first');
    res.end();
  },
  'write, write, end': (_req, res) => {
    res.write('one ');
    res.write(Buffer.from('two '));
    res.end('three');
  },
  'write in encodings': (_req, res) => {
    res.write('ä', 'latin1');
    res.write('c3a4', 'hex');
    res.end('ä', 'utf16le');
  },
  'write of one buffer that is used again': (_req, res) => {
    const bytes = Buffer.from('first');
    res.write(bytes, () => {
      bytes.write('other');
      res.write(bytes, () => res.end());
    });
  },
  'write with Content-Length': (_req, res) => {
    res.set('Content-Length', '8');
    res.write('half');
    setImmediate(() => res.end('half'));
  },
  'write of all bytes, and an end when they have left': (_req, res) => {
    res.set('Content-Length', '5');
    res.write('whole', () => res.end());
  },
  'write of all bytes and end at once': (_req, res) => {
    res.set('Content-Length', '8').write('half');
    res.write('half');
    res.end();
  },
  'write between cork and uncork': (_req, res) => {
    res.cork();
    res.write('one ');
    res.write('two');
    res.uncork();
    res.end();
  },
  'early hints before the answer': (_req, res) => {
    res.writeEarlyHints({ link: '</style.css>; rel=preload' });
    res.json({ hinted: true });
  },
  'trailers behind chunks': (_req, res) => {
    res.set('Trailer', 'X-Sum, X-Count').type('text/plain').write('one ');
    res.addTrailers({ 'X-Sum': '6', 'X-Count': '2' });
    res.end('two');
  },
  'trailers as a list, behind nothing': (_req, res) => {
    res.set('Trailer', 'X-Sum').flushHeaders();
    res.addTrailers([['X-Sum', '0']]);
    res.end();
  },
  'trailers that are not sent, because there is a length': (_req, res) => {
    res.addTrailers({ 'X-Sum': '1' });
    res.end('x');
  },
  'writeHead with headers': (_req, res) => {
    res.writeHead(201, { 'Content-Type': 'text/plain', 'X-Order': '7', Link: ['</a>', '</b>'] });
    res.end('created');
  },
  'writeHead with a reason and a list of headers': (_req, res) => {
    res.writeHead(202, 'Wait And See', ['X-One', '1', 'Warning', 'a']);
    res.end('accepted');
  },
  'writeHead alone': (_req, res) => {
    res.writeHead(203);
    res.end();
  },
  'flushHeaders, and an end later': (_req, res) => {
    res.type('text/plain').flushHeaders();
    setImmediate(() => res.end('later'));
  },
  'a reason of its own': (_req, res) => {
    res.statusMessage = 'Tea Is Served';
    res.status(200).send('tea');
  },
  'headers with several values': (_req, res) => {
    res.append('Link', '</a>').append('Link', '</b>').vary('Accept').json({});
  },
  'a header of Express taken away': (_req, res) => res.removeHeader('X-Powered-By') ?? res.json({}),
  'a pipe': (_req, res) => {
    res.type('text/plain');
    Readable.from(['one ', 'two ', 'three']).pipe(res);
  },
  'a pipeline of many chunks': async (_req, res) => {
    const chunks = Array.from({ length: 200 }, (_, index) => Buffer.alloc(1_000, index));
    await pipeline(Readable.from(chunks), res);
  },
  'a pipe of nothing': (_req, res) => void Readable.from([]).pipe(res),
  sendFile: (_req, res) => res.sendFile(file),
  'sendFile as a download': (_req, res) => res.download(file, 'order ü.json'),
  'gzip by the handler': (_req, res) => {
    res.set('Content-Encoding', 'gzip').type('json').end(gzipSync('{"packed":true}'));
  },
  'a large body': (_req, res) => res.send(Buffer.alloc(900_000, 'large ')),
  redirect: (_req, res) => res.redirect(303, '/orders/7'),
  'content negotiation': (_req, res) => res.format({ json: () => res.json({ as: 'json' }), text: () => res.send('x') }),
  'jsonp without a callback': (_req, res) => res.jsonp({ id: 7 }),
  'a client error by json': (_req, res) => res.status(409).json({ error: 'sold out' }),
  'an error with a status thrown': () => {
    throw failWith(410);
  },
  'an error with a status by next': (_req, _res, next) => next(failWith(422)),
  'an error by next with headers of its own': (_req, _res, next) =>
    next(Object.assign(failWith(402), { headers: { 'X-Why': 'no money' } })),
  'a range of a file': (req, res) => {
    req.headers.range = 'bytes=2-9';
    res.sendFile(file);
  },
  'no handler further on': (_req, _res, next) => next('route'),
};
