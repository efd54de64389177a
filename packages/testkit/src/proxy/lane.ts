import type { Socket } from 'node:net';
import { realClearTimeout, realNow, realSetTimeout } from '../real-time.js';

/** How slow a direction is, and whether anything passes at all. Read for each chunk, so a change takes effect at once. */
export interface LaneState {
  delayMs: number;
  isHeld: boolean;
}

/**
 * One direction of a connection: chunks leave in order, each `delayMs` after it came. While the lane is held they wait, as
 * packets wait in a network that is partitioned: they arrive when it heals, if by then anybody still listens.
 */
export class Lane {
  readonly #target: Socket;
  readonly #state: LaneState;
  readonly #queue: { readonly due: number; readonly bytes: Buffer | 'end' }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(target: Socket, state: LaneState) {
    this.#target = target;
    this.#state = state;
  }

  write(bytes: Buffer): void {
    this.#enqueue(bytes);
  }

  /** Closes the target once all that was written before has left. */
  end(): void {
    this.#enqueue('end');
  }

  /** Sends what is due. To be called when the state changes. */
  pump(): void {
    realClearTimeout(this.#timer);
    for (let next = this.#queue[0]; next !== undefined && !this.#state.isHeld; next = this.#queue[0]) {
      const wait = next.due - realNow();
      if (wait > 0) {
        this.#timer = realSetTimeout(() => this.pump(), Math.ceil(wait));
        return;
      }
      this.#queue.shift();
      if (next.bytes === 'end') this.#target.end();
      else if (this.#target.writable) this.#target.write(next.bytes);
    }
  }

  /** Forgets what has not left yet, and what comes from now on: a timer for it would keep the process up. */
  discard(): void {
    this.#isClosed = true;
    realClearTimeout(this.#timer);
    this.#queue.length = 0;
  }

  #enqueue(bytes: Buffer | 'end'): void {
    if (this.#isClosed) return;
    // A shorter delay never lets a chunk overtake an earlier one.
    const due = Math.max(realNow() + this.#state.delayMs, this.#queue.at(-1)?.due ?? 0);
    this.#queue.push({ due, bytes });
    this.pump();
  }
}
