import { Agent, request as httpRequest } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { randomBy, startProxy, uniquePrefix, until } from '@sallyport/testkit';
import { openShop } from './shop.js';

const isFull = process.env['SALLYPORT_TEST'] === 'full';
const REDIRECTS = isFull ? 10_000 : 300;
const BROWSERS = isFull ? 100 : 30;

interface Answer {
  readonly status: number;
  readonly cookie: string;
  readonly body: Promise<string>;
}

describe('a client that follows a redirect on its first byte', () => {
  it(`finds its data in each of ${REDIRECTS} redirects, with 0 to 200 ms of delay on the way to the store`, async () => {
    const prefix = uniquePrefix('session');
    const agent = new Agent({ keepAlive: true });
    const random = randomBy(1);
    const proxies = await Promise.all([0, 1, 2, 3].map(() => startProxy()));
    const near = await openShop({ prefix, deadlineMs: 20_000 });
    const far = await Promise.all(
      proxies.map(async (proxy) => {
        const redis = proxy.client();
        await until(() => redis.status === 'ready');
        return openShop({
          prefix,
          redis,
          deadlineMs: 20_000,
          routes: (app, sessions) =>
            app.get('/redirect/:value', (req, res) => {
              sessions.of(req).theme = req.params['value'] ?? '';
              res.redirect('/');
            }),
        });
      }),
    );

    /** Resolves with the headers, before the body. */
    const get = (url: string, cookie: string) =>
      new Promise<Answer>((resolve, reject) => {
        const sent = httpRequest(url, { agent, headers: cookie === '' ? {} : { cookie } }, (response) => {
          const body = new Promise<string>((done) => {
            let text = '';
            response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
            response.on('end', () => done(text));
          });
          const set = response.headers['set-cookie']?.[0]?.split(';')[0] ?? cookie;
          resolve({ status: response.statusCode ?? 0, cookie: set, body });
        });
        sent.on('error', reject).end();
      });

    let late = 0;
    let followed = 0;
    await Promise.all(
      Array.from({ length: BROWSERS }, async (_, browser) => {
        let cookie = '';
        for (let round = 0; round < REDIRECTS / BROWSERS; round += 1) {
          proxies[(browser + round) % 4]?.delay(Math.floor(random() * 200), random() < 0.5 ? 'requests' : 'replies');
          const value = `${browser}-${round}`;
          const redirect = await get(`${far[browser % 4]?.url}/redirect/${value}`, cookie);
          cookie = redirect.cookie;
          const page = await get(near.url, cookie);
          const { data } = JSON.parse(await page.body) as { data: { theme?: string } };
          if (redirect.status !== 302 || data.theme !== value) late += 1;
          followed += 1;
          await redirect.body;
        }
      }),
    );
    agent.destroy();
    expect([followed, late]).toStrictEqual([REDIRECTS, 0]);
  }, 600_000);
});
