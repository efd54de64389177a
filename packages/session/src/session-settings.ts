// The settings in effect, as one plain object: what a security review asks for (ASVS 5.0 V7.1).

import type { ResolvedBinding } from './binding.js';
import type { CookieAttributes } from './cookie.js';
import type { ResolvedOptions } from './options.js';

/** Limits and cookie as they are in effect. */
export interface SessionSettings {
  readonly idleMs: number;
  readonly absoluteMs: number;
  /** `null`: an id lives as long as its session. */
  readonly renewalMs: number | null;
  readonly renewalGraceMs: number;
  readonly onReplay: ResolvedOptions['onReplay'];
  /** `null`: any number. */
  readonly maxDeviceCount: number | null;
  readonly onDeviceLimit: ResolvedOptions['onDeviceLimit'];
  readonly maxBytes: number;
  readonly isEncrypted: boolean;
  readonly binding: ResolvedBinding;
  readonly cookie: {
    readonly name: string;
    /** The name over plain HTTP, where that is allowed. */
    readonly nameOnLoopback: string;
    readonly path: string;
    readonly httpOnly: true;
    readonly secure: boolean | 'auto';
    readonly sameSite: CookieAttributes['sameSite'];
    /** `null`: the host that sets it, only. */
    readonly domain: string | null;
    readonly partitioned: boolean;
    readonly persistent: boolean;
  };
}

export function describeSettings(options: ResolvedOptions): SessionSettings {
  const { idleMs, absoluteMs, renewalGraceMs, onReplay, onDeviceLimit, maxBytes, binding, cookie } = options;
  const { secure, persistent, whenSecure, whenPlain } = cookie;
  const { path, sameSite, domain = null, partitioned = false } = whenSecure.attributes;
  return {
    idleMs,
    absoluteMs,
    renewalMs: options.renewalMs ?? null,
    renewalGraceMs,
    onReplay,
    maxDeviceCount: options.maxDeviceCount ?? null,
    onDeviceLimit,
    maxBytes,
    isEncrypted: options.encryption !== undefined,
    binding: { ...binding },
    cookie: {
      name: whenSecure.name,
      nameOnLoopback: whenPlain.name,
      path,
      httpOnly: true,
      secure,
      sameSite,
      domain,
      partitioned,
      persistent,
    },
  };
}
