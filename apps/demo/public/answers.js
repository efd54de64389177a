// Shows every answer: the five stations at the top, the latest answer in full, the table, and the spoken summary.

import { formatMs, onAnswer } from './requests.js';

const MAX_ROWS = 40;
const SHOWN_HEADERS = [
  'X-Cache',
  'Age',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'Retry-After',
  'Idempotency-Replayed',
  'ETag',
  'Vary',
  'Cache-Control',
  'Content-Type',
];
const byId = (id) => document.getElementById(id);
let guest = 'guest';

/** Starts showing answers. */
export function showAnswers() {
  onAnswer((answer) => {
    noticeGuest(answer);
    showStations(answer);
    showLatest(answer);
    addRow(answer);
  });
}

/** Who is logged in, as far as the page has seen. */
function noticeGuest({ path, status, body }) {
  const isAboutMe = path === '/api/login' || path === '/api/me';
  if (isAboutMe && status === 200) guest = body?.name ?? guest;
  if (status === 401 || (path === '/api/logout' && status < 300)) guest = 'guest';
}

function showStations(answer) {
  const { headers, status } = answer;
  const [limit, remaining] = [headers.get('X-RateLimit-Limit'), headers.get('X-RateLimit-Remaining')];
  const cache = headers.get('X-Cache');
  if (status === 429) setStation('limit', 'bad', `stop, wait ${headers.get('Retry-After')} s`);
  else
    setStation(
      'limit',
      limit === null ? 'idle' : 'good',
      limit === null ? 'not asked' : `${remaining} of ${limit} left`,
    );
  setStation('session', guest === 'guest' ? 'idle' : 'good', guest);
  if (headers.get('Idempotency-Replayed') === 'true') setStation('idempotency', 'slow', 'replayed');
  else if (answer.sent['Idempotency-Key'] !== undefined)
    setStation('idempotency', status < 400 ? 'good' : 'bad', 'first time');
  else setStation('idempotency', 'idle', 'not asked');
  setStation('cache', cache === 'HIT' ? 'good' : cache === null ? 'idle' : 'slow', cache ?? 'not asked');
  setStation('shop', toneOf(status), `${status === 0 ? 'no answer' : status} · ${formatMs(answer.ms)}`);
}

function setStation(name, tone, verdict) {
  const station = document.querySelector(`[data-station="${name}"]`);
  station.dataset.tone = tone;
  station.querySelector('.verdict').textContent = verdict;
}

function showLatest(answer) {
  const line = byId('answer-line');
  const status = span(answer.status === 0 ? 'no answer' : answer.status, toneOf(answer.status));
  line.replaceChildren(`${answer.method} ${answer.path} → `, status, `, ${formatMs(answer.ms)}`);
  const present = SHOWN_HEADERS.filter((name) => answer.headers.has(name));
  byId('answer-headers').replaceChildren(
    ...present.flatMap((name) => [withText('dt', name), withText('dd', answer.headers.get(name))]),
  );
  const body = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body, null, 2);
  byId('answer-body').textContent = body ?? '';
  const cache = answer.headers.get('X-Cache');
  byId('announcement').textContent =
    `${answer.method} ${answer.path}: ${answer.status}${cache === null ? '' : `, cache ${cache}`}, ${formatMs(answer.ms)}`;
}

function addRow(answer) {
  const { headers } = answer;
  const limit = headers.get('X-RateLimit-Limit');
  const row = document.createElement('tr');
  const time = withText('td', formatMs(answer.ms));
  time.className = 'number';
  const status = document.createElement('td');
  status.append(span(answer.status === 0 ? 'none' : answer.status, toneOf(answer.status)));
  const cache = document.createElement('td');
  cache.append(span(headers.get('X-Cache') ?? '', headers.get('X-Cache') === 'HIT' ? 'good' : 'slow'));
  row.append(
    withText('td', `${answer.method} ${answer.path}`),
    status,
    cache,
    withText('td', limit === null ? '' : `${headers.get('X-RateLimit-Remaining')} / ${limit}`),
    withText('td', headers.get('Idempotency-Replayed') ?? ''),
    time,
  );
  const log = byId('log');
  log.prepend(row);
  while (log.rows.length > MAX_ROWS) log.deleteRow(-1);
}

function toneOf(status) {
  if (status === 0 || status >= 500) return 'bad';
  return status >= 400 ? 'slow' : 'good';
}

function span(text, tone) {
  const node = withText('span', text);
  node.className = tone;
  return node;
}

/** An element with text: never markup, whatever the shop answers. */
function withText(name, text) {
  const node = document.createElement(name);
  node.textContent = String(text);
  return node;
}
