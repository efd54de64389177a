/**
 * A stand-in for somebody else's exchange-rate API: an HTTP server on 127.0.0.1 that can be told to be slow, to fail or
 * to hang, because real ones do all three and never when you want to see it.
 *
 * `GET /rates/<currency>` answers `{ base, currency, rate, serial }`. The rate moves a little with each answer, so that a
 * remembered one can be told from a new one.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** `slow` still answers in time, `hang` never answers. */
export const RATES_MODES = ['ok', 'slow', 'fail', 'hang'] as const;
export type RatesMode = (typeof RATES_MODES)[number];

/** The running stand-in. */
export interface RatesStandIn {
  readonly url: string;
  mode: RatesMode;
  /** Number of requests that reached it, in any mode. */
  readonly requestCount: number;
  close(): Promise<void>;
}

const BASE_RATES: Readonly<Record<string, number>> = { USD: 1.0842, GBP: 0.8563, CHF: 0.9411, JPY: 163.27, SEK: 11.45 };
/** The currencies that the shop offers; anything else is refused before the provider is asked. */
export const RATE_CURRENCIES = Object.keys(BASE_RATES);
const SLOW_MS = 300;

/** Starts the stand-in on a free port, in mode `ok`. */
export async function startRatesStandIn(): Promise<RatesStandIn> {
  let requestCount = 0;
  const server = createServer((req, res) => {
    requestCount += 1;
    const currency = req.url?.split('/').pop() ?? '';
    const rate = Object.hasOwn(BASE_RATES, currency) ? BASE_RATES[currency] : undefined;
    const answer = (status: number, body: object): void => {
      res.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    };
    const succeed = (): void => {
      if (rate === undefined) return answer(404, { error: 'unknown currency' });
      const drift = 1 + ((requestCount % 40) - 20) / 4000;
      answer(200, { base: 'EUR', currency, rate: Number((rate * drift).toFixed(4)), serial: requestCount });
    };
    if (standIn.mode === 'ok') succeed();
    else if (standIn.mode === 'slow') setTimeout(succeed, SLOW_MS);
    else if (standIn.mode === 'fail') answer(500, { error: 'the provider has a bad day' });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // It must not keep a process alive that has nothing else to do.
  server.unref();
  const standIn: RatesStandIn = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mode: 'ok',
    get requestCount() {
      return requestCount;
    },
    async close() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return standIn;
}
