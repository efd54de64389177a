// Serves each scenario once and checks its answers: in a process of its own, because some peers keep timers for an hour.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import { loadScenario, names } from '../src/catalogue.js';
import { WrongAnswerError, type Answer, type Scenario } from '../src/scenario.js';
import { send } from '../src/send.js';

const [, , url = ''] = process.argv;

async function tryOut(name: string): Promise<void> {
  const scenario = await loadScenario(name);
  const handler = await scenario.serve({ url, connect: () => new Redis(url) });
  const server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const request = await scenario.prepare((each) => send(port, each));
  for (let count = 0; count < 3; count += 1) scenario.check(await send(port, request));
  if (accepts(scenario, { status: 200, headers: {}, cookies: [], body: '{}' })) throw new Error('accepts anything');
  if (scenario.baseline !== undefined && !names.includes(scenario.baseline)) throw new Error('no such baseline');
  if (scenario.description.length < 10) throw new Error('no description');
}

function accepts(scenario: Scenario, answer: Answer): boolean {
  try {
    scenario.check(answer);
    return true;
  } catch (error) {
    if (error instanceof WrongAnswerError) return false;
    throw error;
  }
}

const results: Record<string, string> = {};
for (const name of names) {
  // Each begins with an empty Redis; it is this process' own.
  const redis = new Redis(url);
  await redis.flushall();
  redis.disconnect();
  results[name] = await tryOut(name).then(
    () => 'right',
    (error: unknown) => String(error),
  );
}
process.stdout.write(JSON.stringify(results), () => process.exit());
