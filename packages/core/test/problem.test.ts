import { request as httpRequest, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { listen } from '@sallyport/testkit';
import { sendProblem, type Problem } from '../src/index.js';

const problem: Problem = { status: 429, title: 'Too many requests', detail: 'Try again in 7 s', retryAfterSeconds: 7 };

async function ask(handler: RequestListener, options: { method?: string; accept?: string } = {}) {
  const { url, close } = await listen(handler);
  const { method = 'GET', accept } = options;
  const headers = accept === undefined ? {} : { accept };
  const answer = await new Promise<{ status: number | undefined; headers: IncomingHttpHeaders; body: string }>(
    (resolve, reject) => {
      const request = httpRequest(url, { method, headers }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
        response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
      });
      request.on('error', reject).end();
    },
  );
  await close();
  return answer;
}

const answerProblem: RequestListener = (req, res) => sendProblem(req, res, problem);

describe('sendProblem()', () => {
  it('answers with problem details that no cache keeps (RFC 9457 §3)', async () => {
    const { status, headers, body } = await ask(answerProblem);
    expect(status).toBe(429);
    expect(headers).toMatchObject({ 'content-type': 'application/problem+json', 'cache-control': 'no-store' });
    expect(JSON.parse(body)).toEqual({ type: 'about:blank', ...problem });
  });

  it('keeps the type of the problem (RFC 9457 §3.1.1)', async () => {
    const { body } = await ask((req, res) => sendProblem(req, res, { ...problem, type: 'https://x.example/limit' }));
    expect(JSON.parse(body)).toHaveProperty('type', 'https://x.example/limit');
  });

  it.each([
    'application/json',
    'application/problem+json',
    '*/*',
    'application/*',
    'text/html, application/json;q=0.9',
  ])('answers Accept: %s with JSON', async (accept) => {
    const { headers } = await ask(answerProblem, { accept });
    expect(headers['content-type']).toBe('application/problem+json');
  });

  it.each(['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text/plain', 'text/*', 'image/png'])(
    'answers Accept: %s with text',
    async (accept) => {
      const { headers, body } = await ask(answerProblem, { accept });
      expect(headers['content-type']).toBe('text/plain; charset=utf-8');
      expect(body).toBe('Too many requests: Try again in 7 s\n');
    },
  );

  it('leaves the colon out when there is no detail', async () => {
    const handler: RequestListener = (req, res) => sendProblem(req, res, { status: 503, title: 'Out of order' });
    await expect(ask(handler, { accept: 'text/plain' })).resolves.toHaveProperty('body', 'Out of order\n');
  });

  it('answers HEAD with the headers of GET and no body (RFC 9110 §9.3.2)', async () => {
    const get = await ask(answerProblem);
    const head = await ask(answerProblem, { method: 'HEAD' });
    expect(head.body).toBe('');
    expect(head.status).toBe(429);
    expect(head.headers['content-length']).toBe(String(Buffer.byteLength(get.body)));
  });

  it('counts bytes, not characters', async () => {
    const handler: RequestListener = (req, res) => sendProblem(req, res, { status: 400, title: 'Schlüssel 😀' });
    const { headers, body } = await ask(handler);
    expect(headers['content-length']).toBe(String(Buffer.byteLength(body)));
    expect(JSON.parse(body)).toHaveProperty('title', 'Schlüssel 😀');
  });

  it('puts nothing of the problem into a header, so line breaks stay in the body', async () => {
    const detail = 'x\r\nSet-Cookie: stolen=1';
    const handler: RequestListener = (req, res) => sendProblem(req, res, { status: 400, title: 'a\r\nb: c', detail });
    for (const accept of ['application/json', 'text/plain']) {
      const { status, headers } = await ask(handler, { accept });
      expect(status).toBe(400);
      expect(Object.keys(headers).toSorted()).toEqual(
        ['cache-control', 'connection', 'content-length', 'content-type', 'date', 'keep-alive'].toSorted(),
      );
    }
  });

  it('takes back what the handler said about its own body, and keeps the rest', async () => {
    const { headers, body } = await ask((req, res) => {
      res.setHeader('Content-Encoding', 'gzip');
      res.setHeader('Content-Language', 'de');
      res.setHeader('Content-Length', 99_999);
      res.setHeader('ETag', '"abc"');
      res.setHeader('Cache-Control', 'public, max-age=60');
      res.setHeader('X-Request-Id', '7');
      sendProblem(req, res, problem);
    });
    expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-request-id': '7' });
    expect(headers).not.toHaveProperty('content-encoding');
    expect(headers).not.toHaveProperty('content-language');
    expect(headers).not.toHaveProperty('etag');
    expect(JSON.parse(body)).toHaveProperty('status', 429);
  });

  it('does nothing when the response has begun', async () => {
    const { status, body } = await ask((req, res) => {
      res.write('first');
      sendProblem(req, res, problem);
      res.end(' last');
      sendProblem(req, res, problem);
    });
    expect([status, body]).toEqual([200, 'first last']);
  });
});
