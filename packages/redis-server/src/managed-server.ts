/**
 * One server process over its life: started, killed, paused, restarted, stopped. Single servers, Cluster nodes and
 * sentinels are all this; they differ in their arguments only. It owns a temporary directory until `stop()`.
 *
 *   start() ─► running ◄─pause/resume─► paused ── kill() ─► down ── restart() ─► running     any ── stop() ─► stopped
 */
import { readFile, rm } from 'node:fs/promises';
import { mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, PortInUseError, RedisServerStateError, RedisStartError } from './errors.js';
import { HOST } from './free-port.js';
import { libraryEnv, type RedisBinary } from './redis-binary.js';
import { withConnection, type RespAddress } from './resp.js';
import { TiedProcess, type ProcessExit } from './tied-process.js';

const START_LIMIT_MS = 30_000;
const POLL_MS = 4;

/** All that a start needs, so that a restart is the same again. */
export interface ServerLaunch {
  binary: RedisBinary;
  port: number;
  password?: string | undefined;
  /** Arguments after the program's name; made anew for each start. */
  args: (directory: string) => string[];
  /** Told when the process ends without having been asked to. */
  onExit?: ((exit: ProcessExit) => void) | undefined;
}

/** Made with its directory, but not started. Whoever makes one stops it, also when its start fails. */
export class ManagedServer {
  readonly host = HOST;
  readonly port: number;
  readonly directory: string;
  readonly #launch: ServerLaunch;
  /** The process that runs, or ended by itself; undefined after `kill()`. */
  #process: TiedProcess | undefined;
  /** The last process that was started: its watcher guards the directory also while no server runs. */
  #guard: TiedProcess | undefined;
  #isPaused = false;
  #isStopped = false;

  constructor(launch: ServerLaunch) {
    this.#launch = launch;
    this.port = launch.port;
    this.directory = mkdtempSync(join(realpathSync(tmpdir()), 'sallyport-redis-'));
  }

  get pid(): number {
    return this.#process?.exit === undefined ? (this.#process?.pid ?? 0) : 0;
  }

  /** Whether it can be expected to answer: it runs and is not paused. */
  get isAnswering(): boolean {
    return this.pid !== 0 && !this.#isPaused;
  }

  get url(): string {
    const { password } = this.#launch;
    const credentials = password === undefined ? '' : `:${encodeURIComponent(password)}@`;
    return `redis://${credentials}${this.host}:${this.port}`;
  }

  get address(): RespAddress {
    return { host: this.host, port: this.port, password: this.#launch.password };
  }

  /**
   * Starts the process and waits until it, and no other, answers on the port.
   * @throws {PortInUseError} when its log says so. @throws {RedisStartError} when it ends or is not ready in 30 s.
   * @throws {RedisServerStateError} when it runs already or was stopped.
   */
  async start(): Promise<void> {
    if (this.#isStopped) throw new RedisServerStateError(`The server on port ${this.port} is stopped for good`);
    if (this.#process !== undefined && this.#process.exit === undefined) {
      throw new RedisServerStateError(`The server on port ${this.port} runs already`);
    }
    const { binary, args, onExit } = this.#launch;
    const child = new TiedProcess({
      directory: this.directory,
      command: [binary.path, ...args(this.directory)],
      env: libraryEnv(binary.libraryPath),
      logFile: this.#logFile,
    });
    this.#process = child;
    this.#guard?.release();
    this.#guard = child;
    this.#isPaused = false;
    await this.#becomeReady(child);
    if (onExit) void child.ended.then((exit) => this.#process === child && onExit(exit));
  }

  /** Ends the process and waits until it is gone. Does nothing when it is down. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    const ended = child?.end(signal);
    // A paused process takes SIGKILL as it is, but anything else only once it goes on.
    child?.signal('SIGCONT');
    await ended;
  }

  /** @throws {RedisServerStateError} when it is down, as `resume()` does: there is nothing to send the signal to. */
  pause(): void {
    this.#running().signal('SIGSTOP');
    this.#isPaused = true;
  }

  resume(): void {
    this.#running().signal('SIGCONT');
    this.#isPaused = false;
  }

  /** The same arguments, port and directory; what the directory holds (a Cluster node's identity) is what survives. */
  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** Ends the process and removes the directory. Nothing starts it again. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    // SIGKILL loses nothing, since nothing is kept; SIGTERM would make a master wait for its replicas, and a paused one hang.
    await this.kill();
    this.#guard?.release();
    await rm(this.directory, { recursive: true, force: true });
  }

  get #logFile(): string {
    return join(this.directory, 'server.log');
  }

  #running(): TiedProcess {
    if (this.#process === undefined || this.#process.exit !== undefined) {
      throw new RedisServerStateError(`The server on port ${this.port} is not running`);
    }
    return this.#process;
  }

  async #becomeReady(child: TiedProcess): Promise<void> {
    const giveUpAt = performance.now() + START_LIMIT_MS;
    let lastError: unknown;
    while (child.exit === undefined && performance.now() < giveUpAt) {
      const owner = await this.#ownerOfPort().catch((error: unknown) => void (lastError = error));
      if (owner === child.pid) return;
      await delay(POLL_MS);
    }
    // A server that is too slow is ended before its log is read, so that the log is complete.
    const outcome =
      child.exit === undefined ? `not ready in ${START_LIMIT_MS} ms` : `ended: ${describeExit(child.exit)}`;
    await this.kill();
    const log = await readFile(this.#logFile, 'utf8').catch(messageOf);
    if (/Address already in use|Could not create server TCP/i.test(log)) throw new PortInUseError(this.port);
    throw new RedisStartError(
      `redis-server ${this.#launch.binary.version} on port ${this.port} ${outcome}\n${log.slice(-2_000).trim()}`,
      { cause: lastError },
    );
  }

  // Two processes can choose the same free port; then one server answers both, and only one of them owns it.
  #ownerOfPort(): Promise<number> {
    return withConnection(this.address, async (connection) => {
      await connection.command('PING');
      return Number(/process_id:(\d+)/.exec(await connection.text('INFO', 'server'))?.[1]);
    });
  }
}

function describeExit(exit: ProcessExit): string {
  return exit.signal ?? `exit code ${exit.code ?? 'unknown'}`;
}
