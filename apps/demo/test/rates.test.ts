import { beforeAll, describe, expect, it } from '@jest/globals';
import { listen, within } from '@sallyport/testkit';
import { RatesUnavailableError, fetchRate } from '../src/rates/rates-client.js';
import { type RatesStandIn, startRatesStandIn } from '../src/rates/rates-stand-in.js';
import { closeAfterTests } from './support/close-after-tests.js';

let provider: RatesStandIn;
beforeAll(async () => {
  provider = await startRatesStandIn();
  closeAfterTests(() => provider.close());
});

describe('fetchRate()', () => {
  it('gives the rate, with a running number that tells answers apart', async () => {
    provider.mode = 'ok';
    const first = await fetchRate(provider.url, 'USD');
    const second = await fetchRate(provider.url, 'USD');
    expect(first).toMatchObject({ base: 'EUR', currency: 'USD', rate: expect.closeTo(1.08, 1) });
    expect(second.serial).toBe(first.serial + 1);
  });

  it('waits for a slow provider', async () => {
    provider.mode = 'slow';
    await expect(fetchRate(provider.url, 'GBP')).resolves.toMatchObject({ currency: 'GBP' });
  });

  it.each(['fail', 'hang'] as const)('rejects within a second when the provider is told to %s', async (mode) => {
    provider.mode = mode;
    const answer = fetchRate(provider.url, 'USD');
    await within(1000, answer);
    await expect(answer).rejects.toBeInstanceOf(RatesUnavailableError);
    await expect(answer).rejects.toMatchObject({ code: 'ERR_DEMO_RATES_UNAVAILABLE', status: 503 });
  });

  it('rejects when nothing listens', async () => {
    await expect(fetchRate('http://127.0.0.1:1', 'USD')).rejects.toBeInstanceOf(RatesUnavailableError);
  });

  it('rejects a body that never ends', async () => {
    const endless = await listen((_req, res) => void res.writeHead(200).write('{"rate":'));
    const answer = fetchRate(endless.url, 'USD');
    await within(1500, answer);
    await expect(answer).rejects.toBeInstanceOf(RatesUnavailableError);
  });

  it.each(['', 'null', '{}', '{"rate":"1"}', '{"rate":0}', '{"rate":1e999}', `"${'x'.repeat(20_000)}"`])(
    'rejects the body %.20s',
    async (body) => {
      const server = await listen((_req, res) => res.end(body));
      await expect(fetchRate(server.url, 'USD')).rejects.toBeInstanceOf(RatesUnavailableError);
    },
  );

  it('follows no redirect: the provider must not choose what the shop connects to', async () => {
    const redirecting = await listen((_req, res) =>
      res.writeHead(302, { Location: `${provider.url}/rates/USD` }).end(),
    );
    provider.mode = 'ok';
    const before = provider.requestCount;
    await expect(fetchRate(redirecting.url, 'USD')).rejects.toBeInstanceOf(RatesUnavailableError);
    expect(provider.requestCount).toBe(before);
  });
});

describe('startRatesStandIn()', () => {
  it('knows nothing about currencies that do not exist', async () => {
    provider.mode = 'ok';
    await expect(fetchRate(provider.url, 'constructor')).rejects.toBeInstanceOf(RatesUnavailableError);
  });

  it('closes while a request hangs', async () => {
    const own = await startRatesStandIn();
    own.mode = 'hang';
    const answer = fetchRate(own.url, 'USD');
    const [error] = await Promise.all([answer.catch((reason: unknown) => reason), own.close()]);
    expect(error).toBeInstanceOf(RatesUnavailableError);
    await own.close();
  });
});
