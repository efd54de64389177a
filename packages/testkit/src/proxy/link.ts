import { connect, type Socket } from 'node:net';
import { Lane, type LaneState } from './lane.js';
import { isPush, RespSplitter, wordsOf } from './resp.js';

/** A command that passed through a proxy. */
export interface ProxiedCommand {
  /** Lower case, without subcommand: `client` for CLIENT INFO. */
  readonly name: string;
  readonly args: readonly string[];
  /**
   * True for what clients send by themselves to open a connection, before the first command of the application.
   * Faults and counts skip these.
   */
  readonly isHandshake: boolean;
  /** False once replies can't be told from messages: subscriptions, MONITOR. */
  readonly isAnswered: boolean;
}

/** What the owner of a link wants to know and decide. */
export interface LinkObserver {
  readonly onCommand: (command: ProxiedCommand) => void;
  /** Called for each reply, before it is passed on. `false` swallows it and cuts the connection. */
  readonly onReply: (command: ProxiedCommand) => boolean;
  /** Called when the client's connection is closed, with the commands that never got a reply. */
  readonly onClose: (unanswered: readonly ProxiedCommand[]) => void;
  /** Called when both connections are closed. */
  readonly onEnd: () => void;
}

/** The state of both directions, shared by all links of a proxy. */
export interface LinkState {
  readonly requests: LaneState;
  readonly replies: LaneState;
}

const handshake = new Set(['auth', 'client', 'cluster', 'command', 'hello', 'info', 'readonly', 'select']);
const subscribing = new Set(['psubscribe', 'punsubscribe', 'ssubscribe', 'subscribe', 'sunsubscribe', 'unsubscribe']);

/**
 * One client connection and its counterpart to the server. Replies are paired with commands by order, which holds until a
 * connection becomes a stream of messages (MONITOR, or RESP2 subscriptions); from then on they pass unpaired.
 */
export class Link {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #requests: Lane;
  readonly #replies: Lane;
  readonly #observer: LinkObserver;
  readonly #unanswered: ProxiedCommand[] = [];
  #isOpening = true;
  #isPaired = true;
  #protocol = 2;
  #isDropped = false;

  constructor(client: Socket, target: { host: string; port: number }, state: LinkState, observer: LinkObserver) {
    this.#client = client;
    this.#server = connect(target);
    this.#requests = new Lane(this.#server, state.requests);
    this.#replies = new Lane(client, state.replies);
    this.#observer = observer;
    const requests = new RespSplitter();
    const replies = new RespSplitter();
    client.setNoDelay(true);
    this.#server.setNoDelay(true);
    client.on('data', (chunk) => this.#forward(requests.push(chunk)));
    this.#server.on('data', (chunk) => this.#answer(replies.push(chunk)));
    // Broken connections are this class's trade; 'close' follows each 'error'.
    client.on('error', () => undefined);
    this.#server.on('error', () => undefined);
    client.on('close', () => {
      this.#replies.discard();
      this.#requests.end();
      observer.onClose(this.#unanswered.splice(0));
      if (this.#server.closed) observer.onEnd();
    });
    this.#server.on('close', () => {
      this.#requests.discard();
      this.#replies.end();
      if (client.closed) observer.onEnd();
    });
  }

  /** True while the client is connected. */
  get isOpen(): boolean {
    return !this.#client.destroyed;
  }

  /** Lets through what is due after a change of the state. */
  pump(): void {
    this.#requests.pump();
    this.#replies.pump();
  }

  /** Drops both connections at once, with all that is on its way. */
  cut(): void {
    this.#requests.discard();
    this.#replies.discard();
    this.#client.destroy();
    this.#server.destroy();
  }

  #forward(requests: readonly Buffer[]): void {
    for (const request of requests) {
      this.#note(request);
      this.#requests.write(request);
    }
  }

  #note(request: Buffer): void {
    const [name = '', ...args] = (wordsOf(request) ?? []).map(String);
    const lowerCase = name.toLowerCase();
    this.#isOpening &&= handshake.has(lowerCase);
    if (lowerCase === 'hello') this.#protocol = Number(args[0] ?? this.#protocol);
    // In RESP3, subscriptions are answered by push messages only; in RESP2, by one array per channel.
    const isAnsweredByPush = subscribing.has(lowerCase) && this.#protocol === 3;
    if (lowerCase === 'monitor' || (subscribing.has(lowerCase) && this.#protocol === 2)) this.#isPaired = false;
    const isAnswered = this.#isPaired && !isAnsweredByPush;
    const command = { name: lowerCase, args, isHandshake: this.#isOpening, isAnswered };
    if (isAnswered) this.#unanswered.push(command);
    this.#observer.onCommand(command);
  }

  #answer(replies: readonly Buffer[]): void {
    for (const reply of replies) {
      if (this.#isDropped) return;
      const command = isPush(reply) ? undefined : this.#unanswered.shift();
      if (command !== undefined && !this.#observer.onReply(command)) {
        this.#isDropped = true;
        // Replies before this one were sent before the connection broke, and still arrive.
        this.#replies.end();
        this.#server.destroy();
        return;
      }
      this.#replies.write(reply);
    }
  }
}
