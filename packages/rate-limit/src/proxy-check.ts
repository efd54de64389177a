// Notices that `trust proxy` does not fit the network, which a limiter by address cannot survive: too little trust and all
// clients share the proxy's limit, too much and each client picks its address.
//
// Anybody can send `X-Forwarded-For`, so the field alone says nothing: it counts only from a peer on this machine or network,
// and only when most of what such peers send has it, as a proxy's requests do. Each finding is reported once.

import { addressScope } from './private-address.js';

/** What does not fit. */
export type ProxyFinding = 'untrusted-proxy' | 'spoofable-address' | 'single-client';

/** Tells that clients are probably not told apart. */
export interface ProxyFindingEvent {
  readonly type: 'proxy-misconfigured';
  readonly finding: ProxyFinding;
  /** What is wrong, and how to mend it. */
  readonly message: string;
}

/** What the check looks at of a request. */
export interface ProxyFacts {
  /** Address of the connection's other end: `req.socket.remoteAddress`. */
  readonly peerAddress: string | undefined;
  readonly hasForwardedFor: boolean;
  /** Express' setting: `req.app.get('trust proxy')`. */
  readonly trustProxy: unknown;
  /** Whom the request is counted for: `req.ip`. */
  readonly clientAddress: string | undefined;
}

/** What an Express request has of it. */
export interface ObservedRequest {
  readonly app: { get(setting: string): unknown };
  readonly headers: Readonly<Record<string, unknown>>;
  readonly ip?: string | undefined;
  readonly socket: { readonly remoteAddress?: string | undefined };
}

const EVIDENCE = 10;
const SAMPLE = 1_000;
const SINGLE_CLIENT_SHARE = 0.95;

const messages: Readonly<Record<ProxyFinding, string>> = {
  'untrusted-proxy':
    'Requests come through a proxy on a private address that sends X-Forwarded-For, but `trust proxy` is not set, so all ' +
    "clients share the proxy's limit. Set app.set('trust proxy', n), n being the number of proxies in front of this server.",
  'spoofable-address':
    '`trust proxy` is true, so the client chooses its own address by sending X-Forwarded-For, and with it its limit. Set ' +
    "app.set('trust proxy', n), n being the number of proxies in front of this server, or their addresses.",
  'single-client':
    'More than 95 % of the last 1000 requests are counted for one private address, probably a proxy. Let the proxy send ' +
    "X-Forwarded-For, and set app.set('trust proxy', n), n being the number of proxies in front of this server.",
};

/** What one request alone suggests; `undefined` when nothing does. */
export function inspectProxy(facts: ProxyFacts): 'untrusted-proxy' | 'spoofable-address' | undefined {
  if (facts.trustProxy === true) return 'spoofable-address';
  const isUnset = facts.trustProxy === undefined || facts.trustProxy === false;
  return isUnset && facts.hasForwardedFor && isNear(facts.peerAddress) ? 'untrusted-proxy' : undefined;
}

/** Watches the requests of one limiter by address. */
export interface ProxyCheck {
  observe(req: ObservedRequest): void;
}

/** Gives the check; `report` is called once for each finding. */
export function createProxyCheck(report: (event: ProxyFindingEvent) => void): ProxyCheck {
  const pending = new Set<ProxyFinding>(['untrusted-proxy', 'spoofable-address', 'single-client']);
  const untrusted = { suggesting: 0, near: 0 };
  const sample = { address: undefined as string | undefined, same: 0, total: 0 };

  function found(finding: ProxyFinding): void {
    if (!pending.delete(finding)) return;
    // One cause, one report: what comes from one proxy is one client as well.
    if (finding !== 'spoofable-address')
      for (const other of ['untrusted-proxy', 'single-client'] as const) pending.delete(other);
    report({ type: 'proxy-misconfigured', finding, message: messages[finding] });
  }

  /** A scanner behind address translation is a minority of its peer's requests; a proxy's are all forwarded. */
  function weighUntrusted(facts: ProxyFacts, isSuggested: boolean): void {
    const hasBegun = isSuggested || untrusted.suggesting > 0;
    if (!hasBegun || !isNear(facts.peerAddress)) return;
    untrusted.near += 1;
    if (isSuggested) untrusted.suggesting += 1;
    if (untrusted.suggesting >= EVIDENCE && untrusted.suggesting * 2 > untrusted.near) found('untrusted-proxy');
  }

  /** Whom the first request of a sample is counted for is, when anybody has so large a share, nearly always that one. */
  function weighSingle({ clientAddress }: ProxyFacts): void {
    if (sample.total === 0) sample.address = clientAddress;
    sample.total += 1;
    if (clientAddress === sample.address) sample.same += 1;
    if (sample.total < SAMPLE) return;
    const isSingle = sample.same > SAMPLE * SINGLE_CLIENT_SHARE;
    // One busy client from outside is a client; load tests run on this machine.
    if (isSingle && addressScope(sample.address) === 'private') found('single-client');
    sample.total = 0;
    sample.same = 0;
  }

  return {
    observe(req) {
      if (pending.size === 0) return;
      const facts = factsOf(req);
      const finding = inspectProxy(facts);
      if (finding === 'spoofable-address') found(finding);
      if (pending.has('untrusted-proxy')) weighUntrusted(facts, finding === 'untrusted-proxy');
      if (pending.has('single-client')) weighSingle(facts);
    },
  };
}

const warned = new WeakMap<object, Set<ProxyFinding>>();

/** Says it on the process' warning channel, once per application however many limiters it has. */
export function warnOnce(app: object, { finding, message }: ProxyFindingEvent): void {
  const findings = warned.get(app) ?? new Set();
  warned.set(app, findings);
  if (findings.has(finding)) return;
  findings.add(finding);
  const code = `SALLYPORT_RATE_LIMIT_${finding.replace('-', '_').toUpperCase()}`;
  process.emitWarning(`@sallyport/rate-limit: ${message}`, { type: 'SallyportWarning', code });
}

function factsOf({ app, headers, ip, socket }: ObservedRequest): ProxyFacts {
  return {
    peerAddress: socket.remoteAddress,
    hasForwardedFor: headers['x-forwarded-for'] !== undefined,
    trustProxy: app.get('trust proxy'),
    clientAddress: ip,
  };
}

function isNear(address: string | undefined): boolean {
  const scope = addressScope(address);
  return scope === 'loopback' || scope === 'private';
}
