// What a record is meant to be, in plain words of a program: the scripts are compared with it under random schedules.

/** The record as an operator would see it. */
export interface ModelRecord {
  state: 'running' | 'done';
  owner: string | undefined;
  fingerprint: string;
  /** Number of the grant: tokens must rise with it. */
  grant: number;
  isLive: boolean;
  hasEffect: boolean;
  isWaited: boolean;
  steps: Record<string, string>;
  answer: string | undefined;
}

/** One record, and what was published about it. */
export class RecordModel {
  record: ModelRecord | undefined;
  published: string[] = [];
  #grants = 0;

  claim(owner: string, fingerprint: string, isWaiting: boolean): string {
    const { record } = this;
    if (record !== undefined && record.fingerprint !== fingerprint) return 'mismatch';
    if (record?.state === 'done') return `done ${record.answer}`;
    const isOther = record !== undefined && record.owner !== owner;
    if (isOther && record.isLive) {
      record.isWaited ||= isWaiting;
      return 'running';
    }
    if (isOther && record.hasEffect) return 'unknown';
    if (record?.owner !== owner) this.#grants += 1;
    const { hasEffect = false, isWaited = false, steps = {} } = record ?? {};
    const grant = this.#grants;
    const fresh = { state: 'running', owner, fingerprint, grant, isLive: true, answer: undefined } as const;
    this.record = { ...fresh, hasEffect, isWaited, steps: { ...steps } };
    return `claimed ${JSON.stringify(Object.entries(steps).toSorted(([a], [b]) => (a < b ? -1 : 1)))}`;
  }

  renew(owner: string): boolean {
    if (!this.#isRunBy(owner)) return false;
    if (this.record !== undefined) this.record.isLive = true;
    return true;
  }

  markEffect(owner: string): boolean {
    if (!this.#isRunBy(owner)) return false;
    if (this.record !== undefined) this.record.hasEffect = true;
    return true;
  }

  keepStep(owner: string, name: string, result: string): boolean {
    if (!this.#isRunBy(owner)) return false;
    if (this.record !== undefined) this.record.steps[name] = result;
    return true;
  }

  commit(owner: string, fingerprint: string, grant: number, answer: string): string {
    const { record } = this;
    if (record?.owner !== undefined && record.owner !== owner) return 'taken';
    if (record?.isWaited === true) this.published.push(fingerprint);
    const done = { state: 'done', owner, fingerprint, grant, answer } as const;
    this.record = { ...done, isLive: false, hasEffect: false, isWaited: false, steps: {} };
    return 'kept';
  }

  release(owner: string, fingerprint: string): boolean {
    const { record } = this;
    if (record === undefined || !this.#isRunBy(owner)) return false;
    if (record.isWaited) this.published.push(fingerprint);
    const isResumable = Object.keys(record.steps).length > 0;
    const freed = { owner: undefined, isLive: false, hasEffect: false, isWaited: false };
    this.record = isResumable ? { ...record, ...freed } : undefined;
    return true;
  }

  expire(): void {
    if (this.record !== undefined) this.record.isLive = false;
  }

  #isRunBy(owner: string): boolean {
    return this.record?.state === 'running' && this.record.owner === owner;
  }
}
