// A world of its own for the queue: the real scripts on a real Redis, and the real waiting room, but time, timers, network
// and processes are made here, from a seed. So that thousands of schedules can be tried that no machine would ever make:
// calls that are lost, commands that run twice, processes that stop, crash and come back.

import { randomBy } from '@sallyport/testkit';
import type { Redis } from 'ioredis';
import { acquireLua } from '../../src/scripts/acquire.js';
import { releaseLua } from '../../src/scripts/release.js';

/** Something that will happen. Events of a process wait while it is stopped, and vanish when it has crashed. */
interface Happening {
  readonly at: number;
  readonly order: number;
  readonly process: Process | undefined;
  readonly run: () => void | Promise<void>;
}

/** What can happen to a process. */
export class Process {
  isCrashed = false;
  stoppedUntil = 0;
  /** When its last command reaches Redis: those of one connection keep their order. */
  sentUntil = 0;
  readonly onCrash: (() => void)[] = [];

  constructor(readonly id: string) {}

  crash(): void {
    this.isCrashed = true;
    for (const tell of this.onCrash) tell();
  }
}

/** Keys live an hour longer than they are told: their time is real, and must not end in the middle of a schedule. */
const LATER = "local function later(key, ms) return redis.call('PEXPIRE', key, ms + 3600000) end\n";

const onVirtualTime = (lua: string) =>
  LATER +
  lua
    .replaceAll("redis.call('PEXPIRE', ", 'later(')
    .replace("redis.call('TIME')", "redis.call('HMGET', KEYS[2] .. ':clock', 's', 'us')")
    .replace(
      "redis.pcall('PUBLISH', channelPrefix .. process, waiter)",
      "redis.call('RPUSH', KEYS[2] .. ':calls', waiter)",
    );

/** Whether all that must be replaced has been. */
function checked(lua: string): string {
  for (const real of ["'TIME'", "'PUBLISH'"]) if (lua.includes(real)) throw new Error(`The script still uses ${real}`);
  return lua;
}

const SCRIPTS = { acquire: checked(onVirtualTime(acquireLua)), release: checked(onVirtualTime(releaseLua)) };

export class World {
  now = 0;
  readonly random: () => number;
  #events: Happening[] = [];
  #order = 0;
  readonly #redis: Redis;
  readonly #keys: readonly string[];

  constructor(redis: Redis, key: string, seed: number) {
    this.#redis = redis;
    this.random = randomBy(seed);
    this.#keys = [key, `${key}:fence`, `${key}:queue`, `${key}:alive`];
  }

  chance(share: number): boolean {
    return this.random() < share;
  }

  /** A number from `min` to `max`, both included. */
  between(min: number, max: number): number {
    return min + Math.floor(this.random() * (max - min + 1));
  }

  after(ms: number, run: () => void | Promise<void>, process?: Process): () => void {
    const happening = { at: this.now + Math.max(ms, 0), order: (this.#order += 1), process, run };
    this.#events.push(happening);
    return () => {
      this.#events = this.#events.filter((other) => other !== happening);
    };
  }

  /** Runs a script now, on the time of this world. @returns its reply, and whom it has called */
  async script(name: keyof typeof SCRIPTS, args: readonly (string | number)[]): Promise<[unknown, string[]]> {
    // A microsecond more each time, as on a real server: no two scripts run at once.
    const micros = Math.floor(this.now * 1_000) + 1_000_000_000;
    const fence = String(this.#keys[1]);
    const replies = await this.#redis
      .pipeline()
      .hset(`${fence}:clock`, { s: Math.floor(micros / 1_000_000), us: micros % 1_000_000 })
      .eval(SCRIPTS[name], 4, ...this.#keys, ...args)
      .lrange(`${fence}:calls`, 0, -1)
      .del(`${fence}:calls`)
      .exec();
    const [error, reply] = replies?.[1] ?? [];
    if (error) throw error;
    return [reply, (replies?.[2]?.[1] ?? []) as string[]];
  }

  /** Lets things happen in their order until none is left or `condition` holds. */
  async run(untilMs: number): Promise<void> {
    for (;;) {
      let next: Happening | undefined;
      for (const happening of this.#events) {
        if (next === undefined || happening.at < next.at || (happening.at === next.at && happening.order < next.order))
          next = happening;
      }
      if (next === undefined || next.at > untilMs) return;
      const taken = next;
      this.#events = this.#events.filter((other) => other !== taken);
      const { process } = taken;
      this.now = Math.max(this.now, taken.at);
      if (process?.isCrashed === true) continue;
      if (process !== undefined && process.stoppedUntil > this.now) {
        this.after(process.stoppedUntil - this.now, taken.run, process);
        continue;
      }
      await taken.run();
      // Lets promises that were settled run on before anything else happens.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** What is left in Redis: the TTL of each key. */
  async ttls(): Promise<number[]> {
    const ttls = await Promise.all(this.#keys.map((key) => this.#redis.pttl(key)));
    return ttls.filter((ttl) => ttl !== -2);
  }

  async clean(): Promise<void> {
    await this.#redis.del(...this.#keys, `${this.#keys[1]}:clock`, `${this.#keys[1]}:calls`);
  }
}
