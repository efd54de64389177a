/**
 * The least of the Redis protocol (RESP2) that starting and forming servers needs: one connection, one deadline per
 * command, replies in order. No pipelining API, no pub/sub, no reconnect: an error ends the connection.
 */
import { connect, type Socket } from 'node:net';
import { messageOf } from './errors.js';
import { decodeReply, RespError, type RespReply } from './resp-reply.js';

/** Where a server listens, and how to be let in. */
export interface RespAddress {
  host: string;
  port: number;
  password?: string | undefined;
}

interface PendingReply {
  resolve(reply: RespReply): void;
  reject(error: Error): void;
}

/** A connection to one server. Made by `RespConnection.open()`; the opener closes it. */
export class RespConnection {
  readonly #socket: Socket;
  readonly #pending: PendingReply[] = [];
  readonly #deadlineMs: number;
  #received: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket, deadlineMs: number) {
    this.#socket = socket;
    this.#deadlineMs = deadlineMs;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('connection closed')));
  }

  /**
   * Connects, and authenticates when the address has a password.
   * @param deadlineMs bounds the connection attempt and each command on its own. @default 2000
   */
  static async open(address: RespAddress, deadlineMs = 2_000): Promise<RespConnection> {
    const socket = connect({ host: address.host, port: address.port, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => socket.destroy(new Error(`no connection within ${deadlineMs} ms`)), deadlineMs);
      socket.once('error', reject).once('connect', resolve);
      socket.once('error', () => clearTimeout(timer)).once('connect', () => clearTimeout(timer));
    });
    const connection = new RespConnection(socket, deadlineMs);
    try {
      if (address.password !== undefined) await connection.command('AUTH', address.password);
    } catch (error) {
      connection.close();
      throw error;
    }
    return connection;
  }

  /**
   * Sends one command.
   * @returns its reply; nil is null.
   * @throws {RespError} when the server answers with an error, `Error` when the connection ends or the deadline passes.
   */
  command(...words: (string | number)[]): Promise<RespReply> {
    const reply = new Promise<RespReply>((resolve, reject) => {
      const late = () => this.#fail(new Error(`no reply to ${words[0]} within ${this.#deadlineMs} ms`));
      const timer = setTimeout(late, this.#deadlineMs);
      const settle =
        <T>(done: (value: T) => void) =>
        (value: T) => {
          clearTimeout(timer);
          done(value);
        };
      this.#pending.push({ resolve: settle(resolve), reject: settle(reject) });
    });
    if (this.#socket.destroyed) this.#fail(new Error('connection closed'));
    else this.#socket.write(encodeCommand(words));
    return reply;
  }

  /** Like `command()`, for commands whose reply is text; anything else comes back as its string form. */
  async text(...words: (string | number)[]): Promise<string> {
    return String(await this.command(...words));
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    try {
      this.#settleDecoded();
    } catch (error) {
      this.#fail(error instanceof RespError ? error : new Error(messageOf(error), { cause: error }));
    }
  }

  // One packet can hold several replies, or a part of one.
  #settleDecoded(): void {
    for (;;) {
      const decoded = decodeReply(this.#received, 0);
      if (decoded === undefined) return;
      this.#received = this.#received.subarray(decoded.end);
      const waiting = this.#pending.shift();
      if (decoded.reply instanceof Error) waiting?.reject(decoded.reply);
      else waiting?.resolve(decoded.reply);
    }
  }

  // Replies are matched by order alone, so after any failure no later reply could be trusted.
  #fail(error: Error): void {
    this.#socket.destroy();
    for (const waiting of this.#pending.splice(0)) waiting.reject(error);
  }
}

/** Opens a connection, runs `work` on it and closes it, whatever happens. */
export async function withConnection<T>(
  address: RespAddress,
  work: (connection: RespConnection) => Promise<T>,
): Promise<T> {
  const connection = await RespConnection.open(address);
  try {
    return await work(connection);
  } finally {
    connection.close();
  }
}

// Lengths count bytes, not characters. Every argument goes as a bulk string, as servers expect it.
function encodeCommand(words: (string | number)[]): string {
  const parts = words.map((word) => `$${Buffer.byteLength(String(word))}\r\n${word}\r\n`);
  return `*${words.length}\r\n${parts.join('')}`;
}
