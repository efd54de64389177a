// Bars as SVG for READMEs: readable in light and dark, and by a screen reader.

import { grouped } from './grouped.js';
import type { Summary } from './summary.js';

export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly isOurs: boolean;
  /** Shown behind the value. */
  readonly note?: string;
}

export interface Chart {
  readonly title: string;
  /** What 1.00 is. */
  readonly unit: string;
  readonly bars: readonly Bar[];
}

const ROW = 26;
const TOP = 52;
const LABELS = 250;
const WIDTH = 760;
/** The longest bar; the value stands behind it. */
const LENGTH = 390;

export function drawChart({ title, unit, bars }: Chart): string {
  const longest = Math.max(1, ...bars.map(({ value }) => value));
  const height = TOP + bars.length * ROW + 10;
  const one = LABELS + LENGTH / longest;
  const rows = bars.map(({ label, value, isOurs, note }, index) => {
    const y = TOP + index * ROW;
    const width = Math.max(1, (Math.max(0, value) / longest) * LENGTH);
    const text = `${value.toFixed(2)}${note === undefined ? '' : ` · ${note}`}`;
    return [
      `<text class="label" x="${LABELS - 8}" y="${y + 15}" text-anchor="end">${escape(label)}</text>`,
      `<rect class="${isOurs ? 'ours' : 'peer'}" x="${LABELS}" y="${y + 2}" width="${width.toFixed(1)}" height="18" rx="3"/>`,
      `<text class="value" x="${(LABELS + width + 6).toFixed(1)}" y="${y + 15}">${escape(text)}</text>`,
    ].join('');
  });
  const described = bars.map(({ label, value }) => `${label} ${value.toFixed(2)}`).join(', ');
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="t d" font-family="ui-sans-serif, system-ui, sans-serif">`,
    `<title id="t">${escape(title)}</title><desc id="d">${escape(described)}</desc>`,
    '<style>.head{fill:#2b2a26;font-weight:600;font-size:15px}.unit{fill:#5d584b;font-size:12px}.label,.value{fill:#2b2a26;font-size:13px}.ours{fill:#8c3b2a}.peer{fill:#b9b09a}.one{stroke:#8a7f66;stroke-dasharray:3 3}@media (prefers-color-scheme: dark){.head,.label,.value{fill:#f1ede2}.unit{fill:#c4bda9}.ours{fill:#d97a63}.peer{fill:#6f6856}.one{stroke:#a89c80}}</style>',
    `<text class="head" x="8" y="20">${escape(title)}</text><text class="unit" x="8" y="38">${escape(unit)}</text>`,
    `<path class="one" d="M${one.toFixed(1)} ${TOP - 4}V${height - 6}"/>`,
    ...rows,
    '</svg>',
  ].join('\n')}\n`;
}

/** One chart per subject and version of Node, and one of what the server saves; by file name. */
export function chartsOf(rows: readonly Summary[]): ReadonlyMap<string, string> {
  const charts = new Map<string, string>();
  for (const [subject, members] of grouped(rows, ({ subject }) => subject)) {
    if (subject === 'express') continue;
    for (const [node, ofNode] of grouped(members, (row) => row.node)) {
      const bars = ofNode.map(({ label, cpuRatio, isOurs, roundTrips }) => ({
        label: label.slice(subject.length + 1),
        value: cpuRatio,
        isOurs,
        note: `${roundTrips} round trip${roundTrips === 1 ? '' : 's'}`,
      }));
      const major = node.slice(1).split('.')[0];
      charts.set(
        `${subject}-node${major}.svg`,
        drawChart({ title: `${subject}: server CPU per request`, unit: unitOf(node), bars }),
      );
    }
  }
  const express = rows.filter(({ label }) => label.startsWith('express/json'));
  const bars = express.map(({ label, node, cpuRatio }) => ({
    label: `Node ${node.slice(1).split('.')[0]}, ${label.endsWith('+fast') ? '@sallyport/server' : 'plain server'}`,
    value: cpuRatio,
    isOurs: label.endsWith('+fast'),
  }));
  charts.set(
    'server.svg',
    drawChart({ title: 'One Express route, server CPU per request', unit: unitOf('the same Node'), bars }),
  );
  return charts;
}

function unitOf(node: string): string {
  return `bare Express res.json() on a plain server of ${node.startsWith('v') ? `Node ${node.slice(1)}` : node} = 1.00; less is better`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
