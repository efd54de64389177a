/**
 * Lets several Postgres connections share one PGlite, which is a single session.
 *
 * The socket server hands over one protocol message at a time. A query with parameters is five of them (Parse, Bind,
 * Describe, Execute, Sync), and were those of two connections mixed, one would run the other's statement. So a
 * connection's messages are gathered until the one that ends a turn, turns run whole, and while a transaction is open
 * only its owner gets one. Session state (SET, named statements, session-level locks) is still shared by all.
 */
import type { PGlite } from '@electric-sql/pglite';

/** One connection's complete request to the server, and where its answer goes. */
interface Turn {
  readonly connection: number;
  readonly messages: readonly Uint8Array[];
  readonly onData: (data: Uint8Array) => void;
  readonly resolve: (sentBytes: number) => void;
  readonly reject: (error: unknown) => void;
}

const SIMPLE_QUERY = 'Q'.charCodeAt(0);
const SYNC = 'S'.charCodeAt(0);
const TERMINATE = 'X'.charCodeAt(0);
/** A start-up message has no type byte: it begins with its length, which is below 2^24. */
const STARTUP = 0;
const ENDS_TURN = new Set([SIMPLE_QUERY, SYNC, STARTUP]);

/** Takes the place of the socket server's own queue; the method names are the ones that its handlers call. */
export class TurnQueue {
  readonly #database: PGlite;
  readonly #unfinished = new Map<number, Uint8Array[]>();
  #turns: Turn[] = [];
  #transactionOwner: number | undefined;
  #isRunning = false;

  constructor(database: PGlite) {
    this.#database = database;
  }

  /** Resolves at once for a message inside a turn, and after the answer for the message that ends it. */
  enqueue(connection: number, message: Uint8Array, onData: (data: Uint8Array) => void): Promise<number> {
    const type = message[0] ?? TERMINATE;
    // PGlite's only session must outlive each connection.
    if (type === TERMINATE) return Promise.resolve(0);
    const messages = this.#unfinished.get(connection) ?? [];
    messages.push(message);
    if (!ENDS_TURN.has(type)) {
      this.#unfinished.set(connection, messages);
      return Promise.resolve(0);
    }
    this.#unfinished.delete(connection);
    return new Promise((resolve, reject) => {
      this.#turns.push({ connection, messages, onData, resolve, reject });
      void this.#run();
    });
  }

  /** Turns that wait. */
  getQueueLength(): number {
    return this.#turns.length;
  }

  /** Drops what a closed connection has not begun. */
  clearQueueForHandler(connection: number): void {
    this.#unfinished.delete(connection);
    const dropped = this.#turns.filter((turn) => turn.connection === connection);
    this.#turns = this.#turns.filter((turn) => turn.connection !== connection);
    for (const turn of dropped) turn.reject(new Error('The connection was closed.'));
  }

  /** Rolls back what a closed connection left open, so that the others can go on. */
  async clearTransactionIfNeeded(connection: number): Promise<void> {
    if (this.#transactionOwner !== connection) return;
    await this.#database.exec('ROLLBACK');
    this.#transactionOwner = undefined;
    void this.#run();
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    for (let turn = this.#takeTurn(); turn !== undefined; turn = this.#takeTurn()) {
      try {
        turn.resolve(await this.#answer(turn));
      } catch (error) {
        // The handler closes its connection on this; the queue must go on for the others.
        turn.reject(error);
      }
      this.#transactionOwner = this.#database.isInTransaction() ? turn.connection : undefined;
    }
    this.#isRunning = false;
  }

  /** The next turn; while a transaction is open, the next of its owner. */
  #takeTurn(): Turn | undefined {
    const owner = this.#transactionOwner;
    const index = owner === undefined ? 0 : this.#turns.findIndex((turn) => turn.connection === owner);
    return index < 0 ? undefined : this.#turns.splice(index, 1)[0];
  }

  /** Sends a turn's messages to PGlite. Nothing else uses it in the meantime. @returns the bytes that came back */
  #answer({ messages, onData }: Turn): Promise<number> {
    return this.#database.runExclusive(async () => {
      let sentBytes = 0;
      const onRawData = (data: Uint8Array): void => {
        sentBytes += data.length;
        onData(data);
      };
      for (const message of messages) await this.#database.execProtocolRawStream(message, { onRawData });
      return sentBytes;
    });
  }
}
