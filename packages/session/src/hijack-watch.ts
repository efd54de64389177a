// What is done about a logged-in request that comes from elsewhere than its session was begun: the policies of `binding`,
// and the event for a session that is in use from two networks at a time. Costs nothing while nobody has moved.

import type { EventSink } from '@sallyport/core';
import type { Request } from 'express';
import { findMismatch, type Mismatch, type ResolvedBinding } from './binding.js';
import type { SessionEvent } from './events.js';
import { addressOf, type SessionAddress } from './session-id.js';
import type { SessionRepository } from './session-repository.js';
import { stateOf, type RequestState } from './session-state.js';

/** A phone that moves on is heard of once per place and process, not once per request. */
const MAX_REMEMBERED = 10_000;

export interface HijackParts {
  readonly binding: ResolvedBinding;
  readonly repository: SessionRepository;
  readonly events: EventSink<SessionEvent>;
}

/** Looks at one request after its session was read; resolves when it may go on. Gives `undefined` if at once. */
export type HijackWatch = (req: Request, request: RequestState) => Promise<void> | undefined;

export function createHijackWatch({ binding, repository, events }: HijackParts): HijackWatch {
  const reported = new Set<string>();
  const isActing = [binding.userAgent, binding.network].some((policy) => policy === 'step-up' || policy === 'end');
  const isOff = binding.userAgent === 'off' && binding.network === 'off';

  function report(address: SessionAddress, userId: string, { changed, policy, current }: Mismatch): void {
    const mark = `${address.deviceId} ${current.label} ${current.ipPrefix}`;
    if (reported.has(mark)) return;
    const [oldest] = reported;
    if (reported.size >= MAX_REMEMBERED && oldest !== undefined) reported.delete(oldest);
    reported.add(mark);
    events.emit({ type: 'binding-mismatch', userId, deviceId: address.deviceId, changed, policy, ...current });
  }

  /** Not waited for: an event is not worth a visitor's time. A failure is an event of its own. */
  function noteNetwork(address: SessionAddress, userId: string, network: string): void {
    repository.noteNetwork(address, network).then(
      (other) => {
        if (other === undefined) return;
        events.emit({ type: 'parallel-use', userId, deviceId: address.deviceId, ipPrefixes: [network, other] });
      },
      () => undefined,
    );
  }

  async function end(req: Request, request: RequestState, address: SessionAddress, userId: string): Promise<void> {
    await repository.end(address, userId, 'revoke', request);
    events.emit({ type: 'revoked', userId, deviceId: address.deviceId });
    request.hasEnded = true;
    req.sessionStore.generate(req);
  }

  return (req, request) => {
    if (isOff || (!isActing && !events.isActive)) return undefined;
    const state = stateOf(req.session);
    const record = state?.record;
    const address = record?.userId === undefined ? undefined : addressOf(req.session.id);
    if (state === undefined || record?.userId === undefined || address === undefined) return undefined;
    const { userId } = record;
    const mismatch = findMismatch(binding, record, req);
    const network = mismatch?.current.ipPrefix ?? record.ipPrefix;
    // The home network is a network like others for somebody who was seen elsewhere meanwhile.
    if (binding.network !== 'off' && events.isActive && network !== '' && network !== record.lastIpPrefix) {
      noteNetwork(address, userId, network);
    }
    if (mismatch === undefined) return undefined;
    report(address, userId, mismatch);
    if (mismatch.policy === 'step-up') request.needsStepUp = true;
    return mismatch.policy === 'end' ? end(req, request, address, userId) : undefined;
  };
}
