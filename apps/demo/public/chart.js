// The chart of catalogue answers: one bar per request on a logarithmic scale, because 2 ms beside 200 ms would be
// invisible on a plain one. Built from SVG elements with classes only: the page's policy forbids inline styles.

import { formatMs, onAnswer } from './requests.js';

const MAX_BARS = 40;
const WIDTH = 640;
const HEIGHT = 240;
const LEFT = 56;
const BOTTOM = 14;
const TICKS_MS = [1, 10, 100, 1000];
const [LOWEST_MS, HIGHEST_MS] = [0.5, 2000];
const SVG = 'http://www.w3.org/2000/svg';

const samples = [];

/** Draws into `container` and keeps `summary` up to date, from now on. */
export function showChart(container, summary) {
  onAnswer((answer) => {
    const isCatalogue = answer.method === 'GET' && answer.path.startsWith('/api/products');
    if (!isCatalogue || answer.status !== 200 || !answer.isMeasured) return;
    samples.push({ ms: answer.ms, isHit: answer.headers.get('X-Cache') === 'HIT' });
    if (samples.length > MAX_BARS) samples.shift();
    const text = describe();
    summary.textContent = text;
    container.replaceChildren(draw(text));
  });
}

function describe() {
  const hits = median(samples.filter((sample) => sample.isHit));
  const misses = median(samples.filter((sample) => !sample.isHit));
  if (hits === undefined) return `Computed: ${formatMs(misses)} (median). Ask again to see the cache.`;
  if (misses === undefined) return `From the cache: ${formatMs(hits)} (median).`;
  const times = misses / hits;
  return `Median ${formatMs(misses)} computed, ${formatMs(hits)} from the cache: ${times.toFixed(times < 10 ? 1 : 0)} times faster.`;
}

function median(list) {
  const sorted = list.map((sample) => sample.ms).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

function draw(label) {
  const svg = element('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': label });
  for (const tick of TICKS_MS) {
    const y = yOf(tick);
    svg.append(element('line', { class: 'grid', x1: LEFT, x2: WIDTH, y1: y, y2: y }));
    svg.append(element('text', { x: LEFT - 10, y: y + 4, 'text-anchor': 'end' }, tick === 1000 ? '1 s' : `${tick} ms`));
  }
  const slot = (WIDTH - LEFT) / MAX_BARS;
  for (const [index, { ms, isHit }] of samples.entries()) {
    const y = yOf(ms);
    const bar = { x: LEFT + index * slot + 2, y, width: slot - 4, height: HEIGHT - BOTTOM - y, rx: 2 };
    const rect = element('rect', { class: isHit ? 'hit' : 'miss', ...bar });
    rect.append(element('title', {}, `${isHit ? 'from the cache' : 'computed'}: ${formatMs(ms)}`));
    svg.append(rect);
  }
  return svg;
}

function yOf(ms) {
  const bounded = Math.min(Math.max(ms, LOWEST_MS), HIGHEST_MS);
  const share = Math.log(bounded / LOWEST_MS) / Math.log(HIGHEST_MS / LOWEST_MS);
  return (HEIGHT - BOTTOM) * (1 - share);
}

function element(name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  if (text !== undefined) node.textContent = text;
  return node;
}
