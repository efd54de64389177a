// The script of `scripts/decide.ts` in TypeScript: the same frame, modes and reply, decoded. It decides in memory while
// Redis is away, and tests compare the two on random traffic. Pure: the frame and the time go in, a reply and a frame
// come out.

import { algorithms } from './algorithms/algorithms.js';
import type { Moment } from './algorithms/rule.js';
import type { DecideCommand, Penalty } from './decide-command.js';
import type { PolicySet } from './policies.js';

/** A charge that is remembered: a request in flight, or an estimate that is not settled yet. */
interface Lease {
  readonly id: string;
  readonly expires: number;
  /** What goes back when the lease ends by itself. */
  readonly amount: number;
  readonly at: number;
}

/** What is known of one client. Times in µs. */
export interface Frame {
  readonly at: number;
  /** One state per policy; `undefined` for `concurrency`. */
  readonly sections: readonly unknown[];
  readonly leases: readonly Lease[];
  readonly strikes: { readonly count: number; readonly until: number };
  readonly ban: { readonly count: number; readonly until: number; readonly forgottenAt: number };
}

/** A reply as the script gives it, and the frame to keep; the same object when nothing was written. */
export interface DecideResult {
  readonly reply: readonly number[];
  readonly frame: Frame | undefined;
}

const NO_STRIKES = { count: 0, until: 0 };
const NO_BAN = { count: 0, until: 0, forgottenAt: 0 };
const JUMP = 60_000_000;
const MAX_LEASES = 4_000;

/** Decides about one client at the time `clock`; see the script for modes and reply. */
export function decide(frame: Frame | undefined, set: PolicySet, command: DecideCommand, clock: number): DecideResult {
  const { mode } = command;
  const moment = momentOf(frame, clock);
  const { now, shift } = moment;
  let { cost } = command;
  const refunds: { amount: number; at: number }[] = [];
  const { live, lapsed, strikes, ban } = readNotes(frame, moment);
  for (const { amount, at } of lapsed) if (amount > 0) refunds.push({ amount, at });
  if (mode === 'settle') {
    const index = live.findIndex(({ id }) => id === command.id);
    const [lease] = index < 0 ? [] : live.splice(index, 1);
    if (lease === undefined) return { reply: [-1, 0], frame };
    if (command.actual < lease.amount) refunds.push({ amount: lease.amount - command.actual, at: lease.at });
    else cost = command.actual - lease.amount;
  }
  const isChecked = mode !== 'settle' && mode !== 'ban';
  // What will cost something is let in only where something is free.
  const asked = mode === 'lease' && cost === 0 ? 1 : cost;
  const held = Math.max(0, ...live.map(({ expires }) => expires - now));
  const reply = [1, 0];
  const idle: number[] = [];
  let status = 1;
  const sections = set.policies.map(({ algorithm, quota }, index) => {
    const { rule } = algorithms[algorithm];
    let standing = { free: quota.limit - live.length, reset: quota.period, idle: held, retry: 1_000_000 };
    let state: unknown;
    if (rule !== undefined) {
      state = rule.advance(frame?.sections[index], quota, moment);
      for (const { amount, at } of refunds) rule.refund(state, quota, moment, amount, at);
      standing = rule.weigh(state, quota, moment, cost, asked);
      rule.charge(state, quota, moment, cost);
    }
    const isRefused = isChecked && (rule === undefined ? 1 : asked) > standing.free;
    if (isRefused) status = 0;
    idle.push(standing.idle);
    reply.push(standing.free, standing.reset, isRefused ? standing.retry : 0);
    return state;
  });
  if (isChecked && ban.until > now) {
    status = 2;
    reply[1] = ban.until - now;
  }
  if (mode === 'lease' && live.length >= MAX_LEASES) status = 0;
  if (status !== 1 || mode === 'peek') {
    for (const [index, value] of idle.entries()) reply[3 * index + 3] = value;
    reply[0] = status;
    const penalty = mode === 'consume' || mode === 'lease' ? command.penalty : undefined;
    // What could never be admitted to a new client leaves no frame behind.
    if (status !== 0 || shift > 0 || penalty === undefined || frame === undefined) return { reply, frame };
    const punished = countStrike(strikes, ban, penalty, now);
    if (punished.ban !== ban) {
      reply[0] = 2;
      reply[1] = punished.ban.until - now;
    }
    return { reply, frame: { ...frame, ...punished, leases: [...live, ...lapsed] } };
  }
  if (mode === 'settle') reply[0] = 3;
  if (mode === 'lease')
    live.push({ id: command.id, expires: now + command.leaseMicros, amount: command.refundable, at: now });
  const kept = { at: now, sections, leases: live };
  if (mode !== 'ban') return { reply, frame: { ...kept, strikes, ban } };
  const until = now + command.banMicros;
  const isBan = command.banMicros > 0;
  return {
    reply,
    frame: {
      ...kept,
      strikes: isBan ? strikes : NO_STRIKES,
      ban: isBan ? { count: ban.count + 1, until, forgottenAt: until } : NO_BAN,
    },
  };
}

function momentOf(frame: Frame | undefined, clock: number): Moment {
  const last = frame?.at ?? clock;
  if (last <= clock) return { now: clock, last, shift: 0 };
  // A clock that stepped back a little is waited for. After a jump all times move with it.
  return last - clock > JUMP ? { now: clock, last: clock, shift: last - clock } : { now: last, last, shift: 0 };
}

function readNotes(frame: Frame | undefined, { now, shift }: Moment) {
  const live: Lease[] = [];
  const lapsed: Lease[] = [];
  for (const { id, expires, amount, at } of frame?.leases ?? []) {
    const lease = { id, expires: expires - shift, amount, at: at - shift };
    (lease.expires <= now ? lapsed : live).push(lease);
  }
  const strikes = frame?.strikes ?? NO_STRIKES;
  const ban = frame?.ban ?? NO_BAN;
  const areStrikesAlive = strikes.count > 0 && strikes.until - shift > now;
  return {
    live,
    lapsed,
    strikes: areStrikesAlive ? { count: strikes.count, until: strikes.until - shift } : NO_STRIKES,
    ban:
      ban.forgottenAt - shift > now
        ? { count: ban.count, until: ban.until - shift, forgottenAt: ban.forgottenAt - shift }
        : NO_BAN,
  };
}

function countStrike(strikes: Frame['strikes'], ban: Frame['ban'], penalty: Penalty, now: number) {
  const count = strikes.count + 1;
  const until = strikes.count === 0 ? now + penalty.windowMs * 1000 : strikes.until;
  if (count < penalty.strikes) return { strikes: { count, until }, ban };
  const longest = penalty.maxBanMs * 1000;
  const end = now + Math.min(longest, penalty.banMs * 1000 * 2 ** Math.min(ban.count, 40));
  return { strikes: NO_STRIKES, ban: { count: ban.count + 1, until: end, forgottenAt: end + longest } };
}
