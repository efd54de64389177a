// Recovery points of one run. A finished step's result lies in the record, beside the lease, so that the next run of the
// same request finds it. Whether a step that was begun has had its effect, nobody knows: it is run again, with the same
// key for the system that it calls.

import { createHash } from 'node:crypto';
import { IdempotencyLostError, StepError } from './errors.js';
import type { Claim, RecordStore } from './record-store.js';

/** What a step knows of itself. */
export interface StepContext {
  /**
   * Idempotency key for the system that the step calls, 32 hexadecimal digits: the same in each run of this step for this
   * request and payload, another for any other.
   */
  readonly key: string;
  /** Fencing token of the run. */
  readonly token: number;
  /** Aborts when the lease is lost. */
  readonly signal: AbortSignal;
}

/** The work of a step. */
export type StepFunction<T> = (step: StepContext) => T | Promise<T>;

/** What {@link Steps} needs of its run. */
export interface StepsOptions {
  readonly claim: Claim & { readonly token: number };
  readonly store: Pick<RecordStore, 'keepStep'>;
  /** Results of an earlier run. */
  readonly finished: ReadonlyMap<string, string>;
  readonly maxResultBytes: number;
  readonly signal: () => AbortSignal;
  /** Throws when the run must not go on. */
  readonly assertActive: () => void;
  readonly isAnswered: () => boolean;
}

const MAX_NAME_LENGTH = 100;

/** The steps of one run. */
export class Steps {
  readonly #options: StepsOptions;
  readonly #names = new Set<string>();

  constructor(options: StepsOptions) {
    this.#options = options;
  }

  async run<T>(name: string, work: StepFunction<T>): Promise<T> {
    this.#checkName(name);
    this.#names.add(name);
    try {
      return (await this.#runOnce(name, work)) as T;
    } catch (error) {
      // The handler may try a failed step again, with the same key.
      this.#names.delete(name);
      throw error;
    }
  }

  async #runOnce(name: string, work: StepFunction<unknown>): Promise<unknown> {
    const { claim, store, finished, assertActive, isAnswered } = this.#options;
    assertActive();
    const known = finished.get(name);
    if (known !== undefined) return parseResult(known);
    const value = await work({ key: stepKey(claim, name), token: claim.token, signal: this.#options.signal() });
    const result = this.#formatResult(name, value);
    const isKept = await store.keepStep(claim, name, result);
    // With the answer kept, nobody will ask for the step again.
    if (!isKept && !isAnswered()) throw new IdempotencyLostError('taken');
    // What JSON makes of it, so that the first run sees what a later one would.
    return parseResult(result);
  }

  #checkName(name: unknown): void {
    const isName = typeof name === 'string' && name.length > 0 && name.length <= MAX_NAME_LENGTH;
    if (!isName) throw new StepError(`its name must be a string of 1 to ${MAX_NAME_LENGTH} characters`);
    // The second of two would silently get the first one's result.
    if (this.#names.has(name)) throw new StepError(`there are two with the name ${JSON.stringify(name)}`);
  }

  #formatResult(name: string, value: unknown): string {
    const { maxResultBytes } = this.#options;
    let result: string;
    try {
      result = value === undefined ? '' : (JSON.stringify(value) ?? '');
    } catch (cause) {
      throw new StepError(`JSON cannot show the result of ${JSON.stringify(name)}`, cause);
    }
    const bytes = Buffer.byteLength(result);
    if (bytes <= maxResultBytes) return result;
    throw new StepError(`the result of ${JSON.stringify(name)} has ${bytes} bytes, over maxBodyBytes`);
  }
}

function parseResult(result: string): unknown {
  return result === '' ? undefined : JSON.parse(result);
}

/** 128 bits as hexadecimal digits: short and plain enough for every provider's rules on keys. */
export function stepKey({ id, fingerprint }: Pick<Claim, 'id' | 'fingerprint'>, name: string): string {
  const digest = createHash('sha256').update(JSON.stringify(['step', id, fingerprint, name]));
  return digest.digest('hex').slice(0, 32);
}
