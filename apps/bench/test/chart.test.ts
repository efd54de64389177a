import { describe, expect, it } from '@jest/globals';
import { chartsOf, drawChart } from '../src/chart.js';
import { summarize, type VariantResult } from '../src/summary.js';

describe('drawChart()', () => {
  it('draws bars in proportion, with the values as text and for screen readers', () => {
    const svg = drawChart({
      title: 'a < b',
      unit: 'x = 1.00',
      bars: [
        { label: 'ours', value: 0.5, isOurs: true },
        { label: 'peer & co', value: 2, isOurs: false, note: '4 round trips' },
      ],
    });
    const widths = [...svg.matchAll(/class="(ours|peer)"[^>]* width="([\d.]+)"/g)].map(([, kind, width]) => [
      kind,
      Number(width),
    ]);
    expect(widths).toEqual([
      ['ours', 97.5],
      ['peer', 390],
    ]);
    expect(svg).toContain('a &lt; b');
    expect(svg).toContain('2.00 · 4 round trips');
    expect(svg).toContain('<desc id="d">ours 0.50, peer &amp; co 2.00</desc>');
  });
});

describe('chartsOf()', () => {
  it('gives one per subject and Node, and one of what the server saves', async () => {
    const run = { cpuMicros: 10, redisCpuMicros: 1, requestsPerSecond: 1, p50Ms: 1, p99Ms: 1, rssBytes: 1 };
    const node = { path: 'node', version: 'v20.1.2', isExpressSlow: true };
    const of = (name: string, server: 'plain' | 'fast'): VariantResult => ({
      variant: { name, server, node },
      demand: { commands: {}, roundTrips: 1, keys: 0, keyBytes: 0 },
      runs: [run],
    });
    const charts = chartsOf(
      await summarize([of('express/json', 'plain'), of('express/json', 'fast'), of('lock/sallyport', 'fast')]),
    );
    expect([...charts.keys()]).toEqual(['lock-node20.svg', 'server.svg']);
    expect(charts.get('lock-node20.svg')).toContain('sallyport +fast 1.00');
    expect(charts.get('server.svg')).toContain('Node 20, @sallyport/server 1.00');
  });
});
