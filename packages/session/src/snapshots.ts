// Sessions as this process last saw them, for the policy `readonly`: while Redis is away, people go on reading who were
// there a moment ago. Kept as text, so that no handler can change what the next request gets.

import type { PresentedId } from './session-id.js';
import { decodeFields, type SessionFields, type SessionRecord } from './session-record.js';

const MAX_COUNT = 5_000;
/** A revocation that this process did not hear of is unknown to it for as long. */
const MAX_AGE_MS = 60_000;

type Snapshot = Omit<SessionRecord, 'data'> & { readonly proof: string; readonly seenAt: number };

/** The sessions that were read last; forgets the oldest first. */
export class Snapshots {
  readonly #byDeviceId = new Map<string, Snapshot>();
  readonly #idleMs: number;
  readonly #now: () => number;

  constructor(idleMs: number, now: () => number = () => performance.now()) {
    this.#idleMs = idleMs;
    this.#now = now;
  }

  keep({ deviceId, proof }: PresentedId, { data: _parsed, ...record }: SessionRecord): void {
    this.#byDeviceId.delete(deviceId);
    this.#byDeviceId.set(deviceId, { ...record, proof, seenAt: this.#now() });
    const [oldest] = this.#byDeviceId;
    if (this.#byDeviceId.size > MAX_COUNT && oldest !== undefined) this.#byDeviceId.delete(oldest[0]);
  }

  /** The session that `id` names, if it was read by that very id within the last minute and cannot be over. */
  find({ deviceId, proof }: PresentedId): SessionRecord | undefined {
    const found = this.#byDeviceId.get(deviceId);
    if (found === undefined || found.proof !== proof) return undefined;
    const { seenAt, proof: _proof, ...record } = found;
    const ageMs = this.#now() - seenAt;
    if (ageMs > Math.min(MAX_AGE_MS, this.#idleMs, record.maxAgeMs ?? Infinity, record.leftMs)) return undefined;
    const flat = [...record.fields].flatMap(([name, json]) => [`.${name}`, json]);
    const decoded = decodeFields(flat);
    return decoded && { ...record, data: decoded.data, leftMs: record.leftMs - ageMs, idAgeMs: record.idAgeMs + ageMs };
  }

  /** Notes what this process has written since: people see their own changes. */
  amend(deviceId: string, fields: SessionFields): void {
    const found = this.#byDeviceId.get(deviceId);
    if (found !== undefined) this.#byDeviceId.set(deviceId, { ...found, fields });
  }

  forget(deviceId: string): void {
    this.#byDeviceId.delete(deviceId);
  }

  clear(): void {
    this.#byDeviceId.clear();
  }
}
