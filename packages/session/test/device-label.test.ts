import { describe, expect, it } from '@jest/globals';
import { deviceLabel } from '@sallyport/session';

const webKit = 'AppleWebKit/537.36 (KHTML, like Gecko)';

describe('deviceLabel()', () => {
  it.each([
    [`Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ${webKit} Chrome/130.0.0.0 Safari/537.36`, 'Chrome on macOS'],
    [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webKit} Chrome/130.0 Safari/537.36 Edg/130.0`, 'Edge on Windows'],
    [`Mozilla/5.0 (Windows NT 10.0) ${webKit} Chrome/120.0 Safari/537.36 OPR/106.0`, 'Opera on Windows'],
    ['Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0', 'Firefox on Linux'],
    [`Mozilla/5.0 (Linux; Android 14; Pixel 8) ${webKit} Chrome/130.0 Mobile Safari/537.36`, 'Chrome on Android'],
    [
      `Mozilla/5.0 (Linux; Android 14) ${webKit} SamsungBrowser/25.0 Chrome/121.0 Mobile Safari/537.36`,
      'Samsung Internet on Android',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1',
      'Safari on iPhone',
    ],
    [
      'Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) AppleWebKit/605.1.15 CriOS/130.0 Mobile/15E148 Safari/604.1',
      'Chrome on iPad',
    ],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15',
      'Safari on macOS',
    ],
    [`Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) ${webKit} Chrome/130.0 Safari/537.36`, 'Chrome on ChromeOS'],
    ['curl/8.5.0', 'curl'],
    ['PostmanRuntime/7.42.0', 'PostmanRuntime'],
    ['node', 'node'],
    ['Mozilla/5.0 (X11; Linux x86_64)', 'Linux'],
    ['<script>alert(1)</script>', 'Unknown device'],
    ['', 'Unknown device'],
    [undefined, 'Unknown device'],
  ])('names %p', (userAgent, label) => {
    expect(deviceLabel(userAgent)).toBe(label);
  });

  it('is short and plain whatever a client sends', () => {
    for (const text of [
      'x'.repeat(10_000),
      `${'a'.repeat(10_000)}/1`,
      '\0\r\n',
      '"><img src=x>/1',
      'Chrome/'.repeat(900),
    ]) {
      expect(deviceLabel(text)).toMatch(/^[\w .-]{1,60}$/);
    }
  });
});
