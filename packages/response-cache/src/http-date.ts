// Reads dates as HTTP writes them. `Date.parse` accepts far more, and takes the third form for local time.

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const TIME = String.raw`(\d{2}):(\d{2}):(\d{2})`;
const IMF = new RegExp(String.raw`^\w{3}, (\d{2}) (\w{3}) (\d{4}) ${TIME} GMT$`);
const RFC_850 = new RegExp(String.raw`^\w{6,9}, (\d{2})-(\w{3})-(\d{2}) ${TIME} GMT$`);
const ASCTIME = new RegExp(String.raw`^\w{3} (\w{3}) ([ \d]\d) ${TIME} (\d{4})$`);

/**
 * Gives the milliseconds of an HTTP date in any of its three forms (RFC 9110 §5.6.7), or `undefined` for anything else.
 *
 * @param nowMs for the two-digit years of the second form
 */
export function parseHttpDate(text: string, nowMs: number): number | undefined {
  const imf = IMF.exec(text);
  if (imf !== null) return utc(imf[3], imf[2], imf[1], imf.slice(4, 7));
  const asctime = ASCTIME.exec(text);
  if (asctime !== null) return utc(asctime[6], asctime[1], asctime[2], asctime.slice(3, 6));
  const rfc850 = RFC_850.exec(text);
  if (rfc850 === null) return undefined;
  const thisYear = new Date(nowMs).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + Number(rfc850[3]);
  // RFC 9110 §5.6.7: more than 50 years ahead means the past century.
  return utc(String(year > thisYear + 50 ? year - 100 : year), rfc850[2], rfc850[1], rfc850.slice(4, 7));
}

function utc(year = '', month = '', day = '', [hours, minutes, seconds]: string[]): number | undefined {
  const monthIndex = MONTHS.indexOf(month);
  if (monthIndex === -1) return undefined;
  return Date.UTC(Number(year), monthIndex, Number(day), Number(hours), Number(minutes), Number(seconds));
}
