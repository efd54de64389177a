// A user's sessions, seen as devices: list and revoke. The index says where to look; each session says for itself whether
// it lives, so a list is right even where the index is late, and a revoked session is refused by every process at once.

import type { EventSink } from '@sallyport/core';
import type { Request } from 'express';
import { NotLoggedInError } from './errors.js';
import type { SessionEvent } from './events.js';
import { storedAddress } from './log-in.js';
import { checkUserId } from './user-id.js';
import { bucketOfUser, isDeviceId } from './session-id.js';
import type { SessionRepository } from './session-repository.js';
import { stateOf } from './session-state.js';
import type { Snapshots } from './snapshots.js';

/** One session of a user. Nothing in it can be used as a session id. */
export interface Device {
  /** Names the session for `revoke()`. */
  readonly deviceId: string;
  /** Browser and system at log-in, such as "Chrome on macOS". */
  readonly label: string;
  /** Network at log-in: the /24 of an IPv4 address, the /64 of an IPv6 address, or ''. */
  readonly ipPrefix: string;
  readonly createdAt: Date;
  /** To within the touch window: a minute, or a tenth of a shorter idle limit. */
  readonly lastSeenAt: Date;
  /** Whether it is the session of the request that asks. */
  readonly isCurrent: boolean;
}

export interface DeviceContext {
  readonly repository: SessionRepository;
  readonly snapshots: Snapshots | undefined;
  readonly events: EventSink<SessionEvent>;
}

/** Gives a user's live sessions, the newest first. */
export async function listDevices(
  { repository }: DeviceContext,
  userId: string,
  currentReq: Request | undefined,
): Promise<Device[]> {
  checkUserId(userId);
  const current = currentReq === undefined ? undefined : storedAddress(currentReq)?.deviceId;
  const found = await repository.list(userId);
  const devices = found.map(({ deviceId, label, ipPrefix, createdMs, lastSeenMs }) => {
    const times = { createdAt: new Date(createdMs), lastSeenAt: new Date(lastSeenMs) };
    return { deviceId, label, ipPrefix, ...times, isCurrent: deviceId === current };
  });
  return devices.toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
}

/** Ends one session of a user; `false` when this user has no such session. */
export async function revokeDevice(
  { repository, events, snapshots }: DeviceContext,
  userId: string,
  deviceId: string,
): Promise<boolean> {
  checkUserId(userId);
  if (typeof deviceId !== 'string' || !isDeviceId(deviceId)) return false;
  snapshots?.forget(deviceId);
  const wasLive = await repository.end({ bucket: bucketOfUser(userId), deviceId }, userId, 'revoke');
  if (wasLive) events.emit({ type: 'revoked', userId, deviceId });
  return wasLive;
}

/** Ends all sessions of a user but one, at once; gives how many lived. */
export async function revokeDevices(
  { repository, events, snapshots }: DeviceContext,
  userId: string,
  exceptDeviceId: string | undefined,
): Promise<number> {
  checkUserId(userId);
  const ended = await repository.endAll(userId, exceptDeviceId);
  for (const deviceId of ended) {
    snapshots?.forget(deviceId);
    events.emit({ type: 'revoked', userId, deviceId });
  }
  return ended.length;
}

/** Ends all sessions of all users. */
export async function revokeEveryone({ repository, events, snapshots }: DeviceContext): Promise<void> {
  snapshots?.clear();
  await repository.advanceEpoch();
  events.emit({ type: 'everyone-revoked' });
}

/** @throws {NotLoggedInError} when the request's session belongs to no user */
export function requireUser(req: Request): { userId: string; deviceId: string } {
  const userId = req.session ? stateOf(req.session)?.userId : undefined;
  const deviceId = storedAddress(req)?.deviceId;
  if (userId === undefined || deviceId === undefined) throw new NotLoggedInError();
  return { userId, deviceId };
}
