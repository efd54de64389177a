// Numbers this process's decisions, so that Redis can tell a decision that the client library sent again (the reply was
// lost, the connection came back) from a new one. Each decision carries
//
//   instance   random, one per ledger           ┐ together they name the decision
//   sequence   counts up                        ┘
//   oldest     the lowest sequence without an answer: Redis may forget everything below it
//
// So Redis keeps the receipts of charges whose reply may be lost, usually one, instead of all.

import { randomBytes } from 'node:crypto';

/** Sequence numbers take 32 bits in Redis and begin again at 0: four thousand million decisions lie between two uses. */
const SEQUENCES = 2 ** 32;

/** What a decision carries to Redis. */
export interface ChargeTicket {
  readonly instance: number;
  readonly sequence: number;
  readonly oldest: number;
}

/** Gives out tickets and knows which are still open. */
export class ChargeLedger {
  readonly #instance = randomBytes(4).readUInt32BE();
  /** In the order of issue, which is the order in which a Set iterates. */
  readonly #open = new Set<number>();
  #next: number;

  /** @param first the first sequence number. @default 0 */
  constructor(first = 0) {
    this.#next = first;
  }

  /** Opens a ticket; to be called when the command is sent. */
  open(): ChargeTicket {
    const sequence = this.#next;
    this.#next = (sequence + 1) % SEQUENCES;
    this.#open.add(sequence);
    const [oldest = sequence] = this.#open;
    return { instance: this.#instance, sequence, oldest };
  }

  /** Closes it; to be called when the client has given the reply or given up, and so will not send the command again. */
  close(ticket: ChargeTicket): void {
    this.#open.delete(ticket.sequence);
  }
}
