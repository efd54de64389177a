/**
 * Asks the exchange-rate API, and believes nothing: every answer has a time limit, a size limit and a shape.
 * It does not remember anything; the route keeps the last good answer in the cache.
 */

/** What one euro costs. */
export interface ExchangeRate {
  readonly base: 'EUR';
  readonly currency: string;
  readonly rate: number;
  /** The provider's running number of this answer. */
  readonly serial: number;
}

/** Thrown when the API is down, too slow, or answers with something that is not a rate. */
export class RatesUnavailableError extends Error {
  readonly code = 'ERR_DEMO_RATES_UNAVAILABLE';
  readonly status = 503;

  constructor(currency: string, cause: unknown) {
    super(`No exchange rate for ${currency} from the provider`, { cause });
  }
}

const TIMEOUT_MS = 600;
const MAX_BODY_LENGTH = 10_000;

/**
 * @param currency checked by the caller: it becomes part of the URL.
 * @throws {RatesUnavailableError} within 600 ms.
 */
export async function fetchRate(baseUrl: string, currency: string): Promise<ExchangeRate> {
  try {
    const response = await fetch(`${baseUrl}/rates/${encodeURIComponent(currency)}`, {
      // Covers the body as well: a provider may send headers and then hang.
      signal: AbortSignal.timeout(TIMEOUT_MS),
      redirect: 'error',
    });
    if (!response.ok) throw new Error(`The provider answered ${response.status}`);
    return checkRate(JSON.parse(await readText(response)), currency);
  } catch (error) {
    throw new RatesUnavailableError(currency, error);
  }
}

async function readText(response: Response): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  // Read in pieces: a body without an end is given up at its limit and not when memory is full.
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.length > MAX_BODY_LENGTH) throw new Error(`The provider sent more than ${MAX_BODY_LENGTH} characters`);
  }
  return text;
}

function checkRate(body: unknown, currency: string): ExchangeRate {
  const { rate, serial } = (body ?? {}) as Partial<ExchangeRate>;
  if (typeof rate !== 'number' || !Number.isFinite(rate) || rate <= 0) throw new Error('The provider sent no rate');
  return { base: 'EUR', currency, rate, serial: typeof serial === 'number' ? serial : 0 };
}
