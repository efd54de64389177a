// Gives every button its request. What comes back is shown by answers.js and chart.js.

import { showAnswers } from './answers.js';
import { showChart } from './chart.js';
import { send } from './requests.js';

const BURST_SIZE = 30;
const MEASURED_MISSES = 5;
const MEASURED_HITS = 15;
const HEALTH_EVERY_MS = 4000;
// Asks the cache to step aside; see the README on why a shop would not usually allow that.
const WITHOUT_CACHE = { 'Cache-Control': 'no-cache' };

const byId = (id) => document.getElementById(id);
const product = () => Number(byId('product').value);
let lastOrder;

const actions = {
  list: () => send('GET', '/api/products'),
  'list-uncached': () => send('GET', '/api/products', { headers: WITHOUT_CACHE }),
  search: () => send('GET', `/api/products?q=${encodeURIComponent(byId('search').value)}`),
  detail: () => send('GET', `/api/products/${product()}`),
  review: () => send('POST', `/api/products/${product()}/reviews`, { json: { rating: 5, body: 'Seen on the page.' } }),
  purge: () => send('POST', '/demo/purge', { json: { tags: ['products'] } }),
  burst,
  login: async () => {
    await send('POST', '/api/login', { json: { email: byId('email').value, password: byId('password').value } });
    await showDevices();
  },
  logout: async () => {
    await send('POST', '/api/logout');
    byId('devices').replaceChildren();
  },
  me: () => send('GET', '/api/me'),
  devices: showDevices,
  'revoke-others': async () => {
    await send('DELETE', '/api/devices');
    await showDevices();
  },
  'cart-add': () => send('PUT', '/api/cart', { json: { productId: product(), quantity: 1 } }),
  cart: () => send('GET', '/api/cart'),
  'cart-clear': () => send('DELETE', '/api/cart'),
  order: async () => {
    lastOrder = { json: {}, headers: { 'Idempotency-Key': newKey() } };
    const { status, body } = await send('POST', '/api/orders', lastOrder);
    byId('order-note').textContent =
      status === 201 ? `Order ${body.id} is placed. Send the same again.` : reasonOf(body);
  },
  'order-again': async () => {
    if (lastOrder === undefined) {
      byId('order-note').textContent = 'Order something first.';
      return;
    }
    const { headers, body } = await send('POST', '/api/orders', lastOrder);
    const isReplay = headers.get('Idempotency-Replayed') === 'true';
    byId('order-note').textContent = isReplay ? `Still order ${body.id}, and only one.` : reasonOf(body);
  },
  orders: () => send('GET', '/api/orders'),
  rate: () => send('GET', `/api/rates/${byId('currency').value}`),
  'provider-ok': () => setProvider('ok'),
  'provider-fail': () => setProvider('fail'),
  'provider-hang': () => setProvider('hang'),
  measure: async () => {
    for (let count = 0; count < MEASURED_MISSES; count += 1) await actions['list-uncached']().then(drawn);
    await actions.list().then(drawn);
    for (let count = 0; count < MEASURED_HITS; count += 1) await actions.list().then(drawn);
  },
};

async function burst() {
  const boxes = Array.from({ length: BURST_SIZE }, () => document.createElement('i'));
  byId('burst').replaceChildren(...boxes);
  const answers = boxes.map(async (box, index) => {
    const { status } = await send('GET', `/api/products?q=mug&page=${1 + (index % 2)}`);
    box.textContent = String(status);
    box.dataset.tone = status === 429 ? 'bad' : 'good';
    return status;
  });
  const refused = (await Promise.all(answers)).filter((status) => status === 429).length;
  byId('burst').ariaLabel = `${BURST_SIZE - refused} answered, ${refused} turned away`;
}

/** Resolves when the last answer is on the screen, so that drawing it does not count as time of the next one. */
function drawn() {
  return new Promise((resolve) => {
    requestAnimationFrame(() => setTimeout(resolve));
  });
}

async function showDevices() {
  const { status, body } = await send('GET', '/api/devices');
  const devices = status === 200 ? body.devices : [];
  byId('devices').replaceChildren(...devices.map(deviceItem));
}

function deviceItem({ deviceId, isCurrent, label }) {
  const item = document.createElement('li');
  item.append(`${label}${isCurrent ? ' (this one)' : ''}`);
  const button = document.createElement('button');
  button.textContent = 'Log out';
  button.ariaLabel = `Log out ${label}`;
  button.addEventListener('click', () => {
    void send('DELETE', `/api/devices/${encodeURIComponent(deviceId)}`).then(showDevices);
  });
  item.append(button);
  return item;
}

async function setProvider(mode) {
  const { status } = await send('POST', '/demo/rates-api', { json: { mode } });
  if (status !== 200) return;
  for (const button of document.querySelectorAll('[data-action^="provider-"]')) {
    button.ariaPressed = String(button.dataset.action === `provider-${mode}`);
  }
}

/** 128 random bits. `crypto.randomUUID()` would do, but not on a plain-http address in the local network. */
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function reasonOf(body) {
  return body?.detail ?? body?.title ?? String(body);
}

async function showHealth() {
  let health;
  try {
    health = await (await fetch('/healthz', { headers: { Accept: 'application/json' } })).json();
  } catch {
    // The shop itself is gone: everything is down as far as this page can tell.
    health = {};
  }
  for (const item of document.querySelectorAll('[data-service]')) {
    const isUp = health[item.dataset.service] === 'up';
    item.dataset.up = String(isUp);
    item.title = isUp ? 'answers' : 'does not answer';
  }
}

async function perform(control) {
  control.ariaBusy = 'true';
  try {
    await actions[control.dataset.action]();
  } finally {
    control.ariaBusy = null;
  }
}

for (const control of document.querySelectorAll('[data-action]')) {
  const event = control.tagName === 'FORM' ? 'submit' : 'click';
  control.addEventListener(event, (happening) => {
    happening.preventDefault();
    void perform(control);
  });
}

showAnswers();
showChart(byId('chart'), byId('chart-summary'));
void showHealth();
setInterval(showHealth, HEALTH_EVERY_MS);
