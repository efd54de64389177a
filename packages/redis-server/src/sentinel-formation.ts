/**
 * What a set of sentinels must be told before it starts, and how to see that it is ready. Left alone, sentinels learn of
 * replicas and of each other from INFO and from a channel on the master, every 2 to 10 s; the configuration written here
 * tells them at once.
 */
import { randomBytes } from 'node:crypto';
import { HOST } from './free-port.js';
import { withConnection, type RespAddress, type RespConnection } from './resp.js';
import { RespError, type RespReply } from './resp-reply.js';
import type { ServerAddress } from './server-group.js';
import { waitUntil } from './wait-until.js';

/** Who there is, before anybody runs. */
export interface SentinelPlan {
  masterName: string;
  masterPort: number;
  replicaPorts: number[];
  sentinelPorts: number[];
  downAfterMs: number;
}

/** The text of each sentinel's configuration file, in the order of `sentinelPorts`. */
export function sentinelConfigs(plan: SentinelPlan): string[] {
  const { masterName: name, sentinelPorts, downAfterMs } = plan;
  const sentinels = sentinelPorts.map((port) => ({ port, id: randomBytes(20).toString('hex') }));
  const quorum = Math.floor(sentinels.length / 2) + 1;
  return sentinels.map((self) => {
    const others = sentinels.filter((other) => other !== self);
    const lines = [
      `bind ${HOST}`,
      `port ${self.port}`,
      `sentinel myid ${self.id}`,
      `sentinel monitor ${name} ${HOST} ${plan.masterPort} ${quorum}`,
      `sentinel down-after-milliseconds ${name} ${downAfterMs}`,
      // Also the pause after a failover that came to nothing: twice this.
      `sentinel failover-timeout ${name} ${downAfterMs * 6}`,
      ...plan.replicaPorts.map((port) => `sentinel known-replica ${name} ${HOST} ${port}`),
      ...others.map((other) => `sentinel known-sentinel ${name} ${HOST} ${other.port} ${other.id}`),
    ];
    return `${lines.join('\n')}\n`;
  });
}

/** Waits until the first server is the master of all others, and they are in sync. */
export async function replicasLinked(data: RespAddress[]): Promise<void> {
  await waitUntil({ goal: 'the replicas to be in sync' }, async () => {
    const roles = await Promise.all(data.map((server) => hasItsRole(server, data[0]?.port ?? 0)));
    return roles.every(Boolean) || undefined;
  });
}

/** Who can be asked now, and who must not be waited for. */
export interface SentinelView {
  masterName: string;
  /** The sentinels and data servers that are neither down nor paused. */
  sentinels: RespAddress[];
  data: RespAddress[];
  silentPorts: number[];
}

/**
 * Waits until all answering sentinels name the same answering master and know that it can be replaced: a quorum is
 * connected, and every other answering data server is a replica of it, in sync.
 * @returns that master's address.
 */
export function sentinelsAgree(view: SentinelView): Promise<ServerAddress> {
  return waitUntil({ goal: `sentinels to agree on the master of ${view.masterName}` }, async () => {
    const named = await Promise.all(view.sentinels.map((sentinel) => masterPortOf(sentinel, view)));
    const [port] = named;
    const master = view.data.find((server) => server.port === port);
    if (master === undefined || named.some((other) => other !== port)) return undefined;
    const roles = await Promise.all(view.data.map((server) => hasItsRole(server, master.port)));
    return roles.every(Boolean) ? { host: master.host, port: master.port } : undefined;
  });
}

/** The port that a sentinel gives out as the master's; undefined while it isn't content with what it watches. */
async function masterPortOf(sentinel: RespAddress, view: SentinelView): Promise<number | undefined> {
  return withConnection(sentinel, async (connection) => {
    const about = async (what: string) => {
      const servers = await connection.command('SENTINEL', what, view.masterName);
      return Array.isArray(servers) ? servers.map(describedIn) : [];
    };
    const isAnswering = (server: Description) => !view.silentPorts.includes(Number(server['port']));
    const master = describedIn(await connection.command('SENTINEL', 'MASTER', view.masterName));
    const others = (await about('SENTINELS')).filter(isAnswering);
    const replicas = (await about('REPLICAS')).filter(isAnswering);
    const isContent =
      isUp(master) &&
      others.length === view.sentinels.length - 1 &&
      others.every(isUp) &&
      replicas.length === view.data.length - 1 &&
      replicas.every(isUp) &&
      (await hasQuorum(connection, view.masterName));
    return isContent ? Number(master['port']) : undefined;
  });
}

// CKQUORUM answers with an error reply, not with a negative one, when there are too few.
async function hasQuorum(connection: RespConnection, masterName: string): Promise<boolean> {
  const answer = await connection.command('SENTINEL', 'CKQUORUM', masterName).catch((error: unknown) => {
    if (error instanceof RespError) return error.message;
    throw error;
  });
  return String(answer).startsWith('OK');
}

// The servers' own word: sentinels name a new master before each replica of it follows.
function hasItsRole(server: RespAddress, masterPort: number): Promise<boolean> {
  return withConnection(server, async (connection) => {
    const replication = await connection.text('INFO', 'replication');
    if (server.port === masterPort) return replication.includes('role:master');
    return replication.includes(`master_port:${masterPort}`) && replication.includes('master_link_status:up');
  });
}

type Description = Record<string, string>;

// Other flags pass: `master_down`, a vote of the failover that is over, stays on a sentinel for five more seconds.
function isUp(server: Description): boolean {
  const flags = server['flags']?.split(',') ?? ['disconnected'];
  return !flags.some((flag) => ['s_down', 'o_down', 'disconnected', 'failover_in_progress'].includes(flag));
}

/** Sentinel describes a server as a flat list: name, value, name, value, … */
function describedIn(reply: RespReply): Description {
  const words = Array.isArray(reply) ? reply.map(String) : [];
  const names = words.filter((_, index) => index % 2 === 0);
  return Object.fromEntries(names.map((name, index) => [name, words[2 * index + 1] ?? '']));
}
