// Leases on one Redis, single, Sentinel or Cluster. The scripts decide who holds what and who is next; the waiting room
// keeps those of this process who wait, and is called when it is their turn.

import type { RedisClient } from '@sallyport/core';
import { callsOf, type Calls } from './calls.js';
import type { Holdings } from './holdings.js';
import type { Lease } from './lease.js';
import type { LeaseRequest, LockStore } from './lock-store.js';
import { newOwner } from './owner.js';
import type { RedisNode } from './redis-node.js';
import { createWaitingRoom, type Attempt, type WaitLimits, type WaitingRoom } from './waiting.js';

export class Granting implements LockStore {
  readonly #node: RedisNode;
  readonly #holdings: Holdings;
  readonly #calls: Calls;
  readonly #room: WaitingRoom;

  constructor(redis: RedisClient, node: RedisNode, holdings: Holdings) {
    this.#node = node;
    this.#holdings = holdings;
    this.#calls = callsOf(redis);
    this.#room = createWaitingRoom({ listen: () => this.#calls.listen(node.channelPrefix, this.#room) });
  }

  tryOnce(request: LeaseRequest): Promise<Attempt<Lease>> {
    return this.#attempt(request, newOwner(request.limit, this.#calls.processId), false);
  }

  async wait(request: LeaseRequest, limits: WaitLimits): Promise<Lease> {
    const { resource } = request;
    const owner = newOwner(request.limit, this.#calls.processId);
    const attempt = () => this.#attempt(request, owner, true);
    try {
      return await this.#room.enter({ resource, owner, attempt }, limits);
    } catch (error) {
      this.#node.abandon(resource, owner);
      throw error;
    }
  }

  get(resource: string) {
    return this.#node.get(resource);
  }

  async delete(resource: string): Promise<boolean> {
    return (await this.#node.evict(resource)) > 0;
  }

  clear(): Promise<number> {
    return this.#node.clear();
  }

  close(): void {
    this.#room.close();
  }

  async #attempt(request: LeaseRequest, owner: string, isWaiting: boolean): Promise<Attempt<Lease>> {
    const { resource, leaseMs } = request;
    const sentAt = performance.now();
    const reply = await this.#node.acquire({ resource, owner, leaseMs, isWaiting });
    const { called } = reply;
    if (!reply.isGranted) return { holderRemainingMs: reply.holderRemainingMs, called };
    const granted = this.#holdings.hold({
      resource,
      token: reply.token,
      leaseMs,
      sentAt,
      renew: (ms, onLate) => this.#node.renew({ resource, owner, leaseMs: ms }, onLate),
      release: () => this.#node.release(resource, owner),
    });
    return { granted, called };
  }
}
