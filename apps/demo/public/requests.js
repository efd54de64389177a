// Sends requests to the shop and tells everybody who listens what came back, and how long it took.

const listeners = [];
let pending = 0;
let started = 0;

/** Calls `listener` with each finished request. */
export function onAnswer(listener) {
  listeners.push(listener);
}

/**
 * Sends one request. Never rejects: a request that did not reach the shop has status 0 and the reason as its body.
 *
 * @param {string} method
 * @param {string} path
 * @param {{ json?: unknown, headers?: Record<string, string> }} [options]
 */
export async function send(method, path, { json, headers = {} } = {}) {
  pending += 1;
  started += 1;
  const [wasAlone, number] = [pending === 1, started];
  const start = performance.now();
  const answer = {
    method,
    path,
    status: 0,
    ms: 0,
    sent: headers,
    headers: new Headers(),
    body: undefined,
    isMeasured: false,
  };
  try {
    const response = await fetch(path, {
      method,
      headers: {
        Accept: 'application/json',
        ...(json !== undefined && { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(json !== undefined && { body: JSON.stringify(json) }),
    });
    const text = await response.text();
    answer.status = response.status;
    answer.headers = response.headers;
    answer.body = parse(text);
  } catch (error) {
    answer.body = `The shop could not be reached: ${error.message}`;
  }
  pending -= 1;
  // A browser lets parallel requests wait for each other: their times say nothing about the shop.
  answer.isMeasured = wasAlone && number === started;
  answer.ms = (answer.isMeasured ? timeOnTheWire(path) : undefined) ?? performance.now() - start;
  for (const listener of listeners) listener(answer);
  return answer;
}

/** From the first byte sent to the last one received, without the time that this page took to draw. */
function timeOnTheWire(path) {
  const { href } = new URL(path, location.href);
  const timing = performance.getEntriesByName(href, 'resource').at(-1);
  performance.clearResourceTimings();
  return timing !== undefined && timing.requestStart > 0 ? timing.responseEnd - timing.requestStart : undefined;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: shown as it is.
    return text;
  }
}

/** `1.8 ms`, `174 ms`. */
export function formatMs(ms) {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}
