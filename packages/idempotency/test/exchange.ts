import { request } from 'node:http';

/** A response as it came over the wire. */
export interface Exchange {
  readonly status: number;
  readonly statusMessage: string;
  /** Names as they were written, sorted; several headers of one name keep their order. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The bytes, one character each. */
  readonly body: string;
  /** Names and values in turn. */
  readonly trailers: readonly string[];
}

/** What is sent; a body goes as JSON unless the headers say otherwise. */
export interface ExchangeOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Sends one request on a connection of its own and reads the whole answer, nothing decoded. */
export function exchange(url: string, options: ExchangeOptions = {}): Promise<Exchange> {
  const { method = 'POST', headers = {}, body } = options;
  return new Promise((resolve, reject) => {
    const contentHeaders =
      body === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
    const sent = request(url, { method, agent: false, headers: { ...contentHeaders, ...headers } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const pairs = response.rawHeaders.flatMap((name, at, all) =>
          at % 2 === 0 ? [[name, all[at + 1] ?? ''] as const] : [],
        );
        resolve({
          status: response.statusCode ?? 0,
          statusMessage: response.statusMessage ?? '',
          headers: pairs.toSorted(([a], [b]) => a.localeCompare(b)),
          body: Buffer.concat(chunks).toString('latin1'),
          trailers: response.rawTrailers,
        });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** The value of one header. */
export function headerOf({ headers }: Exchange, name: string): string | undefined {
  return headers.find(([each]) => each.toLowerCase() === name.toLowerCase())?.[1];
}

/** The exchange without headers of the given names. */
export function without({ headers, ...rest }: Exchange, ...names: string[]): Exchange {
  return { ...rest, headers: headers.filter(([name]) => !names.includes(name.toLowerCase())) };
}
