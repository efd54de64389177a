// Plays one schedule: some processes with some callers each, who want the lock again and again, and what goes wrong on the
// way. Notes what Redis did and what the callers believed; the test says what must be true of that.

import type { Redis } from 'ioredis';
import { newOwner } from '../../src/owner.js';
import { acquireArguments } from '../../src/scripts/acquire.js';
import { CALL_MS, UNLIMITED } from '../../src/scripts/queue.js';
import { BEAT_MS, createWaitingRoom, type Attempt, type WaitingRoom } from '../../src/waiting.js';
import { Process, World } from './simulation.js';

/** Shares of what goes wrong, 0 to 1. */
export interface Faults {
  readonly lostCalls?: number;
  /** The command runs twice, and the second answer counts. */
  readonly resent?: number;
  /** The command is overtaken by later ones of its process: Redis did not know the script, and the text had to be sent. */
  readonly overtaken?: number;
  readonly cancelled?: number;
  /** A cancellation that never arrives. */
  readonly lostCancels?: number;
  /** Stops of a process, up to three seconds. */
  readonly stopped?: number;
  readonly crashed?: number;
}

export interface Plan {
  readonly seed: number;
  readonly kind: 'exclusive' | 'semaphore' | 'read-write';
  readonly faults: Faults;
}

/** A stay with the lock, as its caller saw it. */
export interface Stay {
  readonly limit: number;
  readonly token: number;
  readonly from: number;
  until: number;
}

export interface Outcome {
  readonly stays: Stay[];
  /** Who was called or served before somebody who stood in front, whose process was well. */
  readonly overtakes: string[];
  /** Milliseconds between the end of what stood in the way and the call, for exclusive locks. */
  readonly lateness: number[];
  /** Milliseconds from the first call until the caller had the lock, where its process was well. */
  readonly wakeUps: number[];
  readonly scripts: number;
  /** How many beats there may have been: one per process and pause. */
  readonly beats: number;
  readonly rounds: number;
  readonly unsettled: number;
  readonly wrongReleases: number;
  readonly keysWithoutTtl: number;
}

const GUARD_MS = 50;
const ROUNDS = 4;

export async function play(redis: Redis, key: string, { seed, kind, faults }: Plan): Promise<Outcome> {
  const world = new World(redis, key, seed);
  const outcome = {
    stays: [] as Stay[],
    overtakes: [] as string[],
    lateness: [] as number[],
    wakeUps: [] as number[],
    scripts: 0,
    beats: 0,
    rounds: 0,
    unsettled: 0,
    wrongReleases: 0,
  };
  const processes = Array.from({ length: world.between(2, 4) }, (_, index) => new Process(`p${index}`));
  const rooms = new Map<Process, WaitingRoom>();
  /** Owners in the order in which Redis saw them, and what became of them. */
  const line: { owner: string; since: number; process: Process; isOut: boolean }[] = [];
  const endsAt = new Map<string, number>();
  const calledAt = new Map<string, number>();
  let freeSince = 0;
  const troubledAt = new Map<Process, number>();
  const limits = { exclusive: [1], semaphore: [3], 'read-write': [1, UNLIMITED, UNLIMITED] }[kind];

  const processOf = (owner: string) => processes.find(({ id }) => id === owner.split(':')[1]) as Process;
  const isTroubled = (process: Process, since: number) => (troubledAt.get(process) ?? -Infinity) >= since - 5_000;

  function noteTurn(owner: string): void {
    const own = line.find((place) => place.owner === owner);
    const before = own === undefined ? line : line.slice(0, line.indexOf(own));
    for (const place of before) {
      if (!place.isOut && !isTroubled(place.process, place.since)) outcome.overtakes.push(`${owner} > ${place.owner}`);
    }
    // What had ended by now, ended at that time; nothing else can have stood in the way of an exclusive lock.
    const gone = [...endsAt].filter(([holder, end]) => end <= world.now && holder !== owner);
    for (const [holder, end] of gone) {
      freeSince = Math.max(freeSince, end);
      endsAt.delete(holder);
    }
    const inFront = own === undefined ? world.now : own.since;
    if (kind === 'exclusive') outcome.lateness.push(world.now - Math.max(freeSince, inFront));
    if (own !== undefined) own.isOut = true;
  }

  function noteCall(owner: string): void {
    noteTurn(owner);
    endsAt.set(owner, world.now + CALL_MS);
    if (!calledAt.has(owner)) calledAt.set(owner, world.now);
    const process = processOf(owner);
    if (!world.chance(faults.lostCalls ?? 0)) {
      world.after(world.between(0, 3), () => rooms.get(process)?.call(owner), process);
    }
  }

  /** Sends a script: it runs once or twice, later, whatever becomes of the process; the last answer comes back. */
  function send(
    process: Process,
    name: 'acquire' | 'release',
    args: (string | number)[],
    note: (reply: unknown) => void,
  ) {
    return new Promise<unknown>((resolve) => {
      const isTwice = world.chance(faults.resent ?? 0);
      const execute = async (isLast: boolean) => {
        outcome.scripts += 1;
        const [reply, called] = await world.script(name, args);
        // A release makes room for those whom it calls. Who asks in the line is not called, but has his turn among them.
        const own = line.findIndex(({ owner }) => owner === args[0]);
        const isBehind = (owner: string) => own !== -1 && line.findIndex((place) => place.owner === owner) > own;
        const behind = called.filter(isBehind);
        if (name === 'release') note(reply);
        for (const owner of called) if (name === 'release' || !behind.includes(owner)) noteCall(owner);
        if (name === 'acquire') {
          note(reply);
          behind.forEach(noteCall);
        }
        if (isLast) world.after(world.between(0, 3), () => resolve(reply), process);
      };
      process.sentUntil = Math.max(process.sentUntil, world.now + world.between(0, 3));
      const laterMs = world.chance(faults.overtaken ?? 0) ? world.between(1, 40) : 0;
      world.after(process.sentUntil - world.now + laterMs, async () => {
        await execute(!isTwice);
        if (isTwice) world.after(world.between(1, 40), () => execute(true));
      });
    });
  }

  function ask(process: Process, owner: string, leaseMs: number): Promise<unknown> {
    const request = { owner, leaseMs, isWaiting: true, channelPrefix: '' };
    return send(process, 'acquire', acquireArguments(request), (reply) => {
      const [isGranted] = reply as [number];
      const isKnown = line.some((place) => place.owner === owner);
      if (isGranted === 1) {
        if (!calledAt.has(owner) && !endsAt.has(owner)) noteTurn(owner);
        endsAt.set(owner, world.now + leaseMs);
      } else if (!isKnown) line.push({ owner, since: world.now, process, isOut: false });
    });
  }

  async function release(process: Process, owner: string): Promise<void> {
    const replies: unknown[] = [];
    await send(process, 'release', [owner, ''], (reply) => {
      replies.push(reply);
      const place = line.find((other) => other.owner === owner);
      if (place !== undefined) place.isOut = true;
      const ended = endsAt.get(owner);
      if (ended === undefined) return;
      endsAt.delete(owner);
      freeSince = Math.max(freeSince, Math.min(ended, world.now));
    });
    if (new Set(replies).size > 1) outcome.wrongReleases += 1;
  }

  async function work(process: Process): Promise<void> {
    for (let round = 0; round < ROUNDS; round += 1) {
      await pause(process, world.between(0, 400));
      const limit = limits[world.between(0, limits.length - 1)] ?? 1;
      const owner = newOwner(limit, process.id);
      const leaseMs = world.between(400, 3_000);
      const controller = new AbortController();
      if (world.chance(faults.cancelled ?? 0)) world.after(world.between(1, 800), () => controller.abort(), process);
      const attempt = async (): Promise<Attempt<{ token: number; sentAt: number }>> => {
        const sentAt = world.now;
        const reply = (await ask(process, owner, leaseMs)) as [number, string | number, ...string[]];
        const [isGranted, value, ...called] = reply;
        return isGranted === 1
          ? { granted: { token: Number(value), sentAt }, called }
          : { holderRemainingMs: Number(value), called };
      };
      const room = rooms.get(process) as WaitingRoom;
      const limitsOfWait = { waitMs: 600_000, signal: controller.signal };
      const granted = await room.enter({ resource: 'a', owner, attempt }, limitsOfWait).catch(() => undefined);
      if (granted === undefined) {
        // What is left in the line costs a call, and its process the turns of that time.
        if (world.chance(faults.lostCancels ?? 0)) troubledAt.set(process, Infinity);
        else await release(process, owner);
        const place = line.find((other) => other.owner === owner);
        if (place !== undefined) place.isOut = true;
        continue;
      }
      outcome.rounds += 1;
      const called = calledAt.get(owner);
      if (called !== undefined && !isTroubled(process, called)) outcome.wakeUps.push(world.now - called);
      const localEnd = granted.sentAt + leaseMs - GUARD_MS;
      const stay: Stay = { limit, token: granted.token, from: world.now, until: localEnd };
      if (stay.from < localEnd) outcome.stays.push(stay);
      await pause(process, world.between(0, world.chance(0.1) ? leaseMs : 60));
      stay.until = Math.min(world.now, localEnd);
      await release(process, owner);
    }
  }

  const pause = (process: Process, ms: number) => new Promise<void>((resolve) => world.after(ms, resolve, process));
  const clockOf = (process: Process) => ({
    now: () => world.now,
    after: (ms: number, run: () => void) => world.after(ms, run, process),
  });
  for (const process of processes) {
    const listen = () => ({ isLive: true, stop: () => undefined });
    rooms.set(process, createWaitingRoom({ listen, clock: clockOf(process) }));
    if (world.chance(faults.crashed ?? 0)) {
      world.after(world.between(100, 2_000), () => {
        process.crash();
        troubledAt.set(process, Infinity);
      });
    }
    for (let stop = 0; stop < 3; stop += 1) {
      if (!world.chance(faults.stopped ?? 0)) continue;
      world.after(world.between(0, 4_000), () => {
        process.stoppedUntil = world.now + world.between(300, 3_000);
        troubledAt.set(process, Math.max(troubledAt.get(process) ?? 0, process.stoppedUntil));
      });
    }
  }
  for (const process of processes) {
    for (let worker = world.between(1, 4); worker > 0; worker -= 1) {
      outcome.unsettled += 1;
      let isEnded = false;
      const end = () => {
        if (!isEnded) outcome.unsettled -= 1;
        isEnded = true;
        outcome.beats = (world.now / BEAT_MS) * processes.length;
      };
      void work(process).then(end);
      // Who works in a crashed process never ends.
      process.onCrash.push(end);
    }
  }
  await world.run(300_000);
  const keysWithoutTtl = (await world.ttls()).filter((ttl) => ttl === -1).length;
  await world.clean();
  return { ...outcome, unsettled: outcome.unsettled, keysWithoutTtl };
}
