/**
 * Forms a Redis Cluster out of running, empty nodes: slots, introductions, replicas, and the wait until every node
 * agrees. All over plain commands, so that no redis-cli is needed. Node order: the masters, then the replicas in
 * rounds (replica k belongs to master k mod masters).
 */
import { withConnection, type RespAddress } from './resp.js';
import { waitUntil } from './wait-until.js';

const SLOT_COUNT = 16_384;

/** Running nodes, masters first. */
export interface ClusterPlan {
  nodes: RespAddress[];
  masters: number;
}

/** Settles when all nodes report `cluster_state:ok`, know each other's roles, and all replicas are in sync. */
export async function formCluster(plan: ClusterPlan): Promise<void> {
  const ids = await Promise.all(plan.nodes.map((node) => ask(node, 'CLUSTER', 'MYID')));
  await Promise.all(plan.nodes.slice(0, plan.masters).map((node, index) => assignSlots(node, index, plan.masters)));
  await introduceAll(plan.nodes);
  await Promise.all(plan.nodes.slice(plan.masters).map((node, index) => follow(node, ids[index % plan.masters] ?? '')));
  await clusterAgrees(plan.nodes, { silentPorts: [], replicas: plan.nodes.length - plan.masters });
}

export interface ClusterExpectation {
  /** Ports of nodes that are down or paused: the others must have given them up, so that a failover is over. */
  silentPorts: number[];
  /** How many replicas there must be, dead ones included; any number when omitted. */
  replicas?: number;
}

/** Waits until the nodes given serve all slots, have the same view of everybody's role, and all their replicas are linked. */
export async function clusterAgrees(nodes: RespAddress[], expected: ClusterExpectation): Promise<void> {
  await waitUntil({ goal: `${nodes.length} cluster nodes to agree` }, async () => {
    const views = await Promise.all(nodes.map((node) => viewOf(node, nodes.length, expected)));
    const [first] = views;
    return (first !== undefined && views.every((view) => view === first)) || undefined;
  });
}

// Ranges of (nearly) the same size, in the order of the masters.
async function assignSlots(node: RespAddress, index: number, masters: number): Promise<void> {
  const first = Math.floor((index * SLOT_COUNT) / masters);
  const end = Math.floor(((index + 1) * SLOT_COUNT) / masters);
  const slots = Array.from({ length: end - first }, (_, offset) => first + offset);
  await withConnection(node, async (connection) => {
    // ADDSLOTS with every slot, not ADDSLOTSRANGE: Redis 6.2 doesn't know ranges.
    await connection.command('CLUSTER', 'ADDSLOTS', ...slots);
    // Different epochs from the start spare the masters a round of settling who was first.
    await connection.command('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
  });
}

// Every pair, not only "all to the first": gossip would carry the rest, but at one heartbeat after another.
async function introduceAll(nodes: RespAddress[]): Promise<void> {
  for (const [index, node] of nodes.entries()) {
    await withConnection(node, async (connection) => {
      for (const other of nodes.slice(index + 1)) await connection.command('CLUSTER', 'MEET', other.host, other.port);
    });
  }
}

// Refused with "Unknown node" until the introduction has gone through.
async function follow(node: RespAddress, masterId: string): Promise<void> {
  await waitUntil({ goal: `node ${node.port} to know its master` }, () => ask(node, 'CLUSTER', 'REPLICATE', masterId));
}

/** What a node thinks of everybody's role, as a text to compare; undefined while it isn't content with the cluster. */
async function viewOf(node: RespAddress, nodeCount: number, expected: ClusterExpectation): Promise<string | undefined> {
  return withConnection(node, async (connection) => {
    const info = await connection.text('CLUSTER', 'INFO');
    if (!info.includes('cluster_state:ok') || !info.includes(`cluster_slots_ok:${SLOT_COUNT}`)) return undefined;
    const replication = await connection.text('INFO', 'replication');
    if (!replication.includes('role:master') && !replication.includes('master_link_status:up')) return undefined;

    const known = (await connection.text('CLUSTER', 'NODES')).trim().split('\n').map(parseNodeLine);
    const isAsExpected = known.every((peer) =>
      expected.silentPorts.includes(peer.port) ? peer.isGivenUp : peer.isUsable,
    );
    if (!isAsExpected || known.length !== nodeCount + expected.silentPorts.length) return undefined;
    const replicas = known.filter((peer) => peer.role === 'replica').length;
    if (replicas !== (expected.replicas ?? replicas)) return undefined;
    const roles = known.filter((peer) => peer.isUsable).map((peer) => `${peer.port} ${peer.role}`);
    return roles.toSorted().join();
  });
}

interface KnownNode {
  port: number;
  role: 'master' | 'replica';
  isUsable: boolean;
  isGivenUp: boolean;
}

/** One line of CLUSTER NODES: `<id> <ip:port@bus> <flags> <master> <ping> <pong> <epoch> <link> <slots…>`. */
function parseNodeLine(line: string): KnownNode {
  const [, address = '', flagList = '', , , , , link] = line.split(' ');
  const flags = flagList.split(',');
  const isBroken = flags.some((flag) => ['fail', 'fail?', 'handshake', 'noaddr'].includes(flag));
  return {
    port: Number(/:(\d+)@/.exec(address)?.[1]),
    role: flags.includes('slave') ? 'replica' : 'master',
    isUsable: link === 'connected' && !isBroken,
    isGivenUp: flags.includes('fail'),
  };
}

function ask(node: RespAddress, ...words: string[]): Promise<string> {
  return withConnection(node, (connection) => connection.text(...words));
}
