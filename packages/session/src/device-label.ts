// Names a device for its owner: "Chrome on macOS". Meant to be recognised, not to identify. The raw user agent is never
// kept: it is long, it is the client's text, and it would be shown on a page.

const APPS: readonly (readonly [RegExp, string])[] = [
  [/\bEdgi?A?(?:OS)?\//, 'Edge'],
  [/\b(?:OPR|Opera)\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(?:Firefox|FxiOS)\//, 'Firefox'],
  [/\b(?:Chrome|CriOS|Chromium)\//, 'Chrome'],
  [/\bVersion\/\S+ (?:Mobile\/\S+ )?Safari\//, 'Safari'],
];

const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\b(?:Macintosh|Mac OS X)\b/, 'macOS'],
  [/\bLinux\b/, 'Linux'],
];

/** Gives a short label for a `User-Agent`: browser and system, the program's own name, or "Unknown device". */
export function deviceLabel(userAgent: string | undefined): string {
  const text = (userAgent ?? '').slice(0, 500);
  const app = APPS.find(([pattern]) => pattern.test(text))?.[1];
  const system = SYSTEMS.find(([pattern]) => pattern.test(text))?.[1];
  if (app !== undefined) return system === undefined ? app : `${app} on ${system}`;
  // Programs name themselves first (RFC 9110 §10.1.5): `curl/8.5.0`.
  const program = /^([A-Za-z][\w.-]{0,29})(?:\/|$)/.exec(text)?.[1];
  if (program !== undefined && program !== 'Mozilla') return program;
  return system ?? 'Unknown device';
}
