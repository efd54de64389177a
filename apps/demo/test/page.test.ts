import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '@sallyport/testkit';
import { type Browser, type Page, chromium } from 'playwright-core';
import { closeAfterTests } from './support/close-after-tests.js';
import { FIRST_START_MS } from './support/shared-database.js';
import { openShop } from './support/shop.js';

/** Where the browser is: `CHROMIUM_PATH`, or one of the usual names on the path. */
function findChromium(): string | undefined {
  const names = ['chromium', 'chromium-browser', 'chromium-headless-shell', 'google-chrome', 'google-chrome-stable'];
  const folders = ['/usr/bin', ...(process.env['PATH'] ?? '').split(delimiter)];
  const candidates = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  return [process.env['CHROMIUM_PATH'] ?? '', ...candidates].find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return path !== '';
  } catch {
    // Not there, or not for us: the next candidate may be.
    return false;
  }
}

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** For what may take more than one press. */
const PATIENCE = { timeoutMs: 20_000, everyMs: 50 };

const executablePath = findChromium();
// CI must not pass by skipping what it is there for.
if (executablePath === undefined && process.env['SALLYPORT_REQUIRE_CHROMIUM'] !== undefined) {
  throw new Error('SALLYPORT_REQUIRE_CHROMIUM is set and there is no Chromium: install it or set CHROMIUM_PATH');
}
const reason = executablePath === undefined ? ' (skipped: no Chromium; install it or set CHROMIUM_PATH)' : '';
const inBrowser = executablePath === undefined ? it.skip : it;

describe(`the page, in Chromium${reason}`, () => {
  let browser: Browser;
  let url: string;
  beforeAll(async () => {
    if (executablePath === undefined) return;
    const shop = await openShop();
    ({ url } = shop);
    browser = await chromium.launch({ executablePath, args: FLAGS });
    closeAfterTests(() => browser.close());
  }, FIRST_START_MS);

  /** A page in a browser profile of its own, and what it complained about. */
  async function openPage(): Promise<{ page: Page; complaints: string[]; press: (name: string) => Promise<string> }> {
    const context = await browser.newContext();
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('pageerror', ({ message }) => complaints.push(message));
    page.on('console', (message) => {
      // A 4xx that a button asks for is reported as an error as well; broken policies and scripts are what matters.
      if (message.type() === 'error' && !message.text().includes('Failed to load resource'))
        complaints.push(message.text());
    });
    await page.goto(url);
    const press = async (name: string): Promise<string> => {
      await page.locator('#announcement').evaluate((element) => (element.textContent = ''));
      await page.getByRole('button', { name, exact: true }).click();
      await page.locator('#announcement', { hasText: /\S/ }).waitFor({ state: 'attached' });
      return (await page.locator('#announcement').textContent()) ?? '';
    };
    return { page, complaints, press };
  }

  inBrowser(
    'shows MISS, then HIT, with the limit, and draws both in the chart',
    async () => {
      const { page, complaints, press } = await openPage();
      expect(await press('List products')).toContain('200, cache MISS');
      // A busy machine may miss the deadline for storing the answer; the next one is stored.
      await until(async () => (await press('List products')).includes('200, cache HIT'), PATIENCE);
      expect(await page.locator('[data-station=cache] .verdict').textContent()).toBe('HIT');
      expect(await page.locator('[data-station=limit] .verdict').textContent()).toMatch(/^2\d\d of 300 left$/);
      expect(await page.locator('#chart rect.miss').count()).toBeGreaterThanOrEqual(1);
      expect(await page.locator('#chart rect.hit').count()).toBe(1);
      expect(await page.locator('#chart-summary').textContent()).toContain('times faster');
      expect(await page.locator('#log tr').count()).toBeGreaterThanOrEqual(2);
      await press('Purge the catalogue');
      expect(await press('List products')).not.toContain('HIT');
      expect(complaints).toStrictEqual([]);
    },
    60_000,
  );

  inBrowser(
    'shows what a request without the cache costs',
    async () => {
      const { press } = await openPage();
      await until(async () => (await press('List products')).includes('HIT'), PATIENCE);
      expect(await press('Same, without cache')).toContain('cache BYPASS');
      await until(async () => (await press('List products')).includes('HIT'), PATIENCE);
    },
    60_000,
  );

  inBrowser(
    'turns the last ten of thirty searches away',
    async () => {
      const { page } = await openPage();
      await page.getByRole('button', { name: 'Send 30 searches' }).click();
      // 10, or on a busy machine a few less: a call to Redis that misses its deadline is counted elsewhere.
      await page.getByRole('img', { name: /^2[0-5] answered, ([5-9]|10) turned away$/ }).waitFor();
      expect(await page.locator('#burst i', { hasText: '429' }).count()).toBeGreaterThanOrEqual(5);
    },
    60_000,
  );

  inBrowser(
    'logs in, orders, and gets the same order again',
    async () => {
      const { page, complaints, press } = await openPage();
      await press('Log in');
      await page.locator('#devices li', { hasText: 'this one' }).first().waitFor();
      expect(await page.locator('[data-station=session] .verdict').textContent()).toBe('Ada');
      expect(await press('Add product to cart')).toContain('200');
      expect(await press('Order')).toContain('POST /api/orders: 201');
      expect(await page.locator('[data-station=idempotency] .verdict').textContent()).toBe('first time');
      expect(await press('Same order again')).toContain('POST /api/orders: 201');
      expect(await page.locator('[data-station=idempotency] .verdict').textContent()).toBe('replayed');
      expect(await page.locator('#order-note').textContent()).toMatch(/^Still order \d+, and only one\.$/);
      await press('Log out');
      expect(await page.locator('[data-station=session] .verdict').textContent()).toBe('guest');
      expect(complaints).toStrictEqual([]);
    },
    60_000,
  );

  inBrowser(
    'shows the last good exchange rate while the provider fails',
    async () => {
      const { page, press } = await openPage();
      expect(await press('Euro rate')).toContain('200');
      await press('Make it fail');
      expect(await page.getByRole('button', { name: 'Make it fail' }).getAttribute('aria-pressed')).toBe('true');
      expect(await press('Euro rate')).toContain('200');
      await press('Let it work');
    },
    60_000,
  );

  inBrowser(
    'fits a phone without scrolling sideways',
    async () => {
      const { page, press } = await openPage();
      await page.setViewportSize({ width: 360, height: 740 });
      await press('List products');
      expect(await page.locator('html').evaluate((html) => html.scrollWidth)).toBe(360);
    },
    60_000,
  );
});
