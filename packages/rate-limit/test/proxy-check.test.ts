import { describe, expect, it, jest } from '@jest/globals';
import { expressVersions, listen } from '@sallyport/testkit';
import {
  createProxyCheck,
  inspectProxy,
  warnOnce,
  type ObservedRequest,
  type ProxyFindingEvent,
} from '../src/proxy-check.js';

const PUBLIC = '203.0.113.7';
const PRIVATE = '10.0.0.9';

describe('inspectProxy()', () => {
  it.each([
    ['a proxy on this network that is not trusted', PRIVATE, true, undefined, 'untrusted-proxy'],
    ['a proxy on this machine, with the setting at its default', '::ffff:127.0.0.1', true, false, 'untrusted-proxy'],
    ["a scanner's field from outside", PUBLIC, true, false, undefined],
    ["a scanner's field over IPv6", '2001:db8::5', true, false, undefined],
    ['a client on this network', PRIVATE, false, false, undefined],
    ['a proxy that is trusted by number', PRIVATE, true, 1, undefined],
    ['a proxy that is trusted by address', PRIVATE, true, 'loopback, uniquelocal', undefined],
    ['a connection that is gone', undefined, true, false, undefined],
    ['trust in everybody', PUBLIC, false, true, 'spoofable-address'],
  ] as const)('judges %s', (_, peerAddress, hasForwardedFor, trustProxy, finding) => {
    expect(inspectProxy({ peerAddress, hasForwardedFor, trustProxy, clientAddress: peerAddress })).toBe(finding);
  });
});

describe('createProxyCheck()', () => {
  interface Traffic {
    readonly peer?: string;
    readonly ip?: string;
    readonly forwarded?: boolean;
    readonly trust?: unknown;
  }

  function check() {
    const events: ProxyFindingEvent[] = [];
    const proxyCheck = createProxyCheck((event) => void events.push(event));
    const send = (count: number, { peer = PUBLIC, ip = peer, forwarded = false, trust = false }: Traffic) => {
      const headers = forwarded ? { 'x-forwarded-for': '198.51.100.1' } : {};
      const req: ObservedRequest = { app: { get: () => trust }, headers, ip, socket: { remoteAddress: peer } };
      for (let requests = 0; requests < count; requests += 1) proxyCheck.observe(req);
    };
    return { events, send, findings: () => events.map(({ finding }) => finding) };
  }

  it('reports a proxy that is not trusted once, with the mend', () => {
    const { events, send } = check();
    send(9, { peer: PRIVATE, forwarded: true });
    expect(events).toEqual([]);
    send(5_000, { peer: PRIVATE, forwarded: true });
    expect(events).toMatchObject([{ type: 'proxy-misconfigured', finding: 'untrusted-proxy' }]);
    expect(events[0]?.message).toContain("app.set('trust proxy', n)");
  });

  it('reports it in spite of the health checks that its machines send without the field', () => {
    const { findings, send } = check();
    for (let round = 0; round < 20; round += 1) {
      send(1, { peer: PRIVATE });
      send(3, { peer: PRIVATE, forwarded: true });
    }
    expect(findings()).toEqual(['untrusted-proxy']);
  });

  it('keeps silent about a scanner from outside, however much it sends', () => {
    const { findings, send } = check();
    send(5_000, { forwarded: true });
    expect(findings()).toEqual([]);
  });

  it('keeps silent about a scanner behind address translation, whose field is the exception', () => {
    const { findings, send } = check();
    for (let round = 0; round < 100; round += 1) {
      send(1, { peer: '127.0.0.1', forwarded: true });
      send(4, { peer: '127.0.0.1' });
    }
    expect(findings()).toEqual([]);
  });

  it('reports trust in everybody at once, and only once', () => {
    const { findings, send } = check();
    send(50, { trust: true });
    expect(findings()).toEqual(['spoofable-address']);
  });

  it('reports that nearly all traffic is counted for one private address', () => {
    const { findings, send } = check();
    // One trusted proxy too few: each client has the address of the inner proxy.
    send(960, { peer: '10.0.0.1', ip: PRIVATE, forwarded: true, trust: 1 });
    send(40, { peer: '10.0.0.1', ip: PUBLIC, forwarded: true, trust: 1 });
    expect(findings()).toEqual(['single-client']);
  });

  it.each([
    ['one busy client from outside', { peer: PUBLIC }],
    ['a load test on this machine', { peer: '127.0.0.1' }],
  ])('keeps silent about %s', (_, traffic) => {
    const { findings, send } = check();
    send(5_000, traffic);
    expect(findings()).toEqual([]);
  });

  it('keeps silent when one private address has a large part and no more', () => {
    const { findings, send } = check();
    for (let round = 0; round < 50; round += 1) {
      send(95, { peer: PRIVATE });
      send(5, { peer: '10.0.0.10' });
    }
    expect(findings()).toEqual([]);
  });
});

describe.each(expressVersions)('createProxyCheck() on $name', ({ express }) => {
  async function traffic(configure: (app: ReturnType<typeof express>) => void, headers: Record<string, string>) {
    const events: ProxyFindingEvent[] = [];
    const app = express();
    configure(app);
    const proxyCheck = createProxyCheck((event) => void events.push(event));
    app.use((req, res) => {
      proxyCheck.observe(req);
      res.end();
    });
    const { url } = await listen(app);
    for (let requests = 0; requests < 15; requests += 1) await fetch(url, { headers });
    return events.map(({ finding }) => finding);
  }

  const forwarded = { 'X-Forwarded-For': '198.51.100.1' };

  it('reports a proxy on this machine when `trust proxy` is not set', async () => {
    expect(await traffic(() => undefined, forwarded)).toEqual(['untrusted-proxy']);
  });

  it('is content when the proxy is trusted by number, address or function', async () => {
    expect(await traffic((app) => app.set('trust proxy', 1), forwarded)).toEqual([]);
    expect(await traffic((app) => app.set('trust proxy', 'loopback'), forwarded)).toEqual([]);
    expect(await traffic((app) => app.set('trust proxy', () => true), forwarded)).toEqual([]);
  });

  it('is content without a proxy', async () => {
    expect(await traffic(() => undefined, {})).toEqual([]);
  });

  it('reports trust in everybody', async () => {
    expect(await traffic((app) => app.set('trust proxy', true), {})).toEqual(['spoofable-address']);
  });
});

describe('warnOnce()', () => {
  it('warns once per application, with a code to silence it by', () => {
    const warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const event: ProxyFindingEvent = { type: 'proxy-misconfigured', finding: 'untrusted-proxy', message: 'Mend it.' };
    const [one, other] = [{}, {}];
    for (const app of [one, one, other]) warnOnce(app, event);
    const options = { type: 'SallyportWarning', code: 'SALLYPORT_RATE_LIMIT_UNTRUSTED_PROXY' };
    const warning = ['@sallyport/rate-limit: Mend it.', options];
    expect(warnings.mock.calls).toEqual([warning, warning]);
    warnings.mockRestore();
  });
});
