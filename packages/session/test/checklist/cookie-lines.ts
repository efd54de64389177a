import { expect, jest } from '@jest/globals';
import { countCommands } from '@sallyport/testkit';
import { cookiesOf } from '../shop.js';
import { behindTls, cookieOf, eventsOf, expectRefusal, idIn, logIn, look, TLS, type Line } from './line.js';

const DAY_MS = 86_400_000;

export const cookieLines: readonly Line[] = [
  {
    line: 8,
    source: 'A 3.3.1, A 3.3.3',
    claim: 'sets a __Host- cookie that is Secure, HttpOnly and SameSite, without a Domain',
    async check(subject) {
      const shop = await subject.open({ before: behindTls });
      const [line = ''] = cookiesOf(await shop.visit.post('/set/a/b').set(TLS));
      const [pair = '', ...attributes] = line.split('; ');
      expect(pair).toMatch(/^__Host-[\w-]+=/);
      expect(attributes).toStrictEqual(expect.arrayContaining(['Path=/', 'Secure', 'HttpOnly']));
      expect(attributes.filter((each) => /^SameSite=(?:Lax|Strict)$/.test(each))).toHaveLength(1);
      expect(line).not.toMatch(/domain=/i);
    },
  },
  {
    line: 9,
    source: 'CK 4.1.3',
    claim: 'refuses a name prefix that the attributes contradict',
    async check(subject) {
      for (const prefix of ['__Host-', '__host-', '__Host-Http-']) {
        await expectRefusal(subject, { cookie: { name: `${prefix}a`, domain: 'example.org' } });
        await expectRefusal(subject, { cookie: { name: `${prefix}a`, path: '/app' } });
      }
      for (const prefix of ['__Host-', '__Secure-', '__Http-', '__Host-Http-', '__SECURE-']) {
        await expectRefusal(subject, { cookie: { name: `${prefix}a`, secure: false } });
      }
    },
  },
  {
    line: 10,
    source: 'A 3.3.2',
    claim: 'always says SameSite, and refuses None or Partitioned without Secure',
    async check(subject) {
      for (const sameSite of [undefined, 'lax', 'strict'] as const) {
        const shop = await subject.open(sameSite === undefined ? {} : { cookie: { sameSite } });
        expect(cookiesOf(await shop.visit.post('/set/a/b'))).toStrictEqual([expect.stringMatching(/; SameSite=\w/)]);
      }
      await expectRefusal(subject, { cookie: { sameSite: 'none', secure: false } });
      await expectRefusal(subject, { cookie: { partitioned: true, secure: false } });
    },
  },
  {
    line: 11,
    source: 'A 3.3.4',
    claim: 'shows the session id in Set-Cookie and nowhere else',
    async check(subject) {
      const output: string[] = [];
      const spies = [
        jest.spyOn(process.stdout, 'write').mockImplementation((text) => output.push(String(text)) > 0),
        jest.spyOn(process.stderr, 'write').mockImplementation((text) => output.push(String(text)) > 0),
      ];
      const seen: string[] = [];
      const ids: string[] = [];
      try {
        const shop = await subject.open({
          routes: (app) =>
            app.get('/fail', () => {
              throw new Error('the handler fails');
            }),
        });
        let cookie = '';
        for (const path of ['/set/a/b', '/log-in/ann', '/set/c/d', '/log-in/ann', '/fail', '/', '/log-out']) {
          const ask = /fail|\/$/.test(path) ? shop.visit.get(path) : shop.visit.post(path);
          const response = await ask.set('Cookie', cookie);
          cookie = cookieOf(response) || cookie;
          ids.push(idIn(cookie));
          const { 'set-cookie': _, ...headers } = response.headers;
          seen.push(JSON.stringify(headers), response.text);
        }
      } finally {
        for (const spy of spies) spy.mockRestore();
      }
      expect(new Set(ids).size).toBeGreaterThanOrEqual(3);
      const text = [...output, ...seen].join('\n');
      for (const id of ids) expect(text).not.toContain(id.slice(2, 14));
    },
  },
  {
    line: 12,
    source: 'A 3.3.5',
    claim: 'refuses a cookie of more than 4096 bytes',
    async check(subject) {
      await expectRefusal(subject, { cookie: { name: 'n'.repeat(4050) } });
      const shop = await subject.open();
      const [pair = ''] = (cookiesOf(await shop.visit.post('/set/a/b'))[0] ?? '').split(';');
      expect(pair.length).toBeLessThanOrEqual(4096);
    },
  },
  {
    line: 13,
    source: 'CK 4.1.1',
    claim: 'sets its cookie once per response, whatever the request did to the session',
    async check(subject) {
      const shop = await subject.open({
        routes: (app, sessions) =>
          app.post('/in-and-out', async (req, res) => {
            await sessions.logIn(req, 'ann');
            await sessions.logIn(req, 'bob');
            await sessions.logOut(req);
            res.json({ ok: true });
          }),
      });
      const cookie = await logIn(shop);
      const name = `${cookie.split('=')[0]}=`;
      const lines = cookiesOf(await shop.visit.post('/in-and-out').set('Cookie', cookie));
      expect(lines.filter((line) => line.startsWith(name))).toHaveLength(1);
      const again = cookiesOf(await shop.visit.post('/log-in/bob').set('Cookie', cookie));
      expect(again.filter((line) => line.startsWith(name))).toHaveLength(1);
    },
  },
  {
    line: 14,
    source: 'CK 5.5',
    claim: 'never lets the browser keep the cookie for over 400 days, or past the end of the session',
    async check(subject) {
      const routes = (app: Parameters<NonNullable<Parameters<typeof subject.open>[0]>['routes'] & object>[0]) =>
        app.post('/forever', (req, res) => {
          req.session.cookie.maxAge = 5000 * DAY_MS;
          Reflect.set(req.session, 'kept', String(Math.random()));
          res.json({ ok: true });
        });
      const endsIn = (line: string) => Date.parse(/Expires=([^;]+)/i.exec(line)?.[1] ?? '') - Date.now();
      const shop = await subject.open({ cookie: { persistent: true }, routes });
      const response = await shop.visit.post('/forever');
      const lines = cookiesOf(response);
      lines.push(...cookiesOf(await shop.visit.post('/forever').set('Cookie', cookieOf(response))));
      expect(lines.length).toBeGreaterThan(0);
      for (const line of lines) expect(endsIn(line)).toBeLessThanOrEqual(400 * DAY_MS);
      // The absolute limit is 30 days unless the options say otherwise.
      for (const line of lines) expect(endsIn(line)).toBeLessThanOrEqual(30 * DAY_MS + 1000);
    },
  },
  {
    line: 15,
    source: 'A 14.3.2',
    claim: 'makes a response with its cookie uncacheable, also when the handler says otherwise',
    async check(subject) {
      const shop = await subject.open({
        routes: (app) => {
          app.get('/header', (req, res) => {
            Reflect.set(req.session, 'a', 'b');
            res.set({ 'Cache-Control': 'public, max-age=60', 'CDN-Cache-Control': 'max-age=60' }).end();
          });
          app.get('/write-head', (req, res) => {
            Reflect.set(req.session, 'a', 'b');
            res.writeHead(200, { 'cache-control': 'public, max-age=60', 'Surrogate-Control': 'max-age=60' }).end();
          });
        },
      });
      for (const path of ['/header', '/write-head']) {
        const { headers } = await shop.visit.get(path);
        expect(headers['set-cookie']).toBeDefined();
        expect(headers['cache-control']).toBe('no-store');
        expect(headers).not.toHaveProperty('cdn-cache-control');
        expect(headers).not.toHaveProperty('surrogate-control');
      }
      const cookie = await logIn(shop);
      expect((await shop.visit.post('/log-out').set('Cookie', cookie)).headers['cache-control']).toBe('no-store');
    },
  },
  {
    line: 16,
    source: 'CS, Secure attribute',
    claim: 'neither sends a Secure cookie over plain HTTP nor stores its session, and warns once how to mend it',
    async check(subject) {
      const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
      try {
        const shop = await subject.open({ cookie: { secure: true } });
        await shop.visit.get('/');
        const { total } = await countCommands(shop.redis, async () => {
          for (let visits = 0; visits < 3; visits += 1) {
            const response = await shop.visit.post('/set/a/b').set('Host', 'shop.example').set(TLS);
            expect(cookiesOf(response)).toStrictEqual([]);
          }
        });
        expect(total).toBe(0);
        const warnings = warn.mock.calls.filter(([text]) => String(text).includes('trust proxy'));
        expect(warnings).toHaveLength(1);
        expect(eventsOf(shop, 'not-saved').length).toBeGreaterThan(0);
        expect((await look(shop, '')).userId).toBeNull();
      } finally {
        warn.mockRestore();
      }
    },
  },
];
