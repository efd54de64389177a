// Whether a logged-in session is used where it was begun: the browser family and the network are compared with those of
// the log-in. Versions, and addresses within a network, may change. A mismatch is no proof (phones move between networks),
// so each kind has a policy of its own.

import { checkOptions, oneOf, optional, type Check } from '@sallyport/core';
import type { Request } from 'express';
import { deviceLabel } from './device-label.js';
import { ipPrefix } from './ip-prefix.js';

/**
 * What a mismatch means. `'observe'`: an event. `'step-up'`: also, `requireFresh()` refuses until the user logs in again.
 * `'end'`: also, the session is ended. `'off'`: nothing is compared.
 */
export type BindingPolicy = 'off' | 'observe' | 'step-up' | 'end';

export interface BindingOptions {
  /** Another browser family or system than at log-in. @default 'observe' */
  readonly userAgent?: BindingPolicy;
  /** Another /24 (IPv4) or /64 (IPv6) network than at log-in. @default 'observe' */
  readonly network?: BindingPolicy;
}

export type ResolvedBinding = Readonly<Required<BindingOptions>>;

const policy = optional(oneOf('off', 'observe', 'step-up', 'end'), 'observe' as const);

/** Fits `checkOptions` as the check of a `binding` option. */
export const bindingOptions: Check<ResolvedBinding> = (value, site) =>
  checkOptions(
    site.packageName,
    value === undefined ? {} : value,
    { userAgent: policy, network: policy },
    `${site.option}.`,
  );

/** Where a session was begun. */
export interface LogInPlace {
  readonly label: string;
  readonly ipPrefix: string;
}

export interface Mismatch {
  readonly changed: readonly ('user-agent' | 'network')[];
  /** The strictest policy of what has changed. */
  readonly policy: Exclude<BindingPolicy, 'off'>;
  readonly current: LogInPlace;
}

/** Compares a request with the log-in of its session; `undefined` when nothing that counts has changed. */
export function findMismatch(binding: ResolvedBinding, begun: LogInPlace, req: Request): Mismatch | undefined {
  const current = {
    label: binding.userAgent === 'off' ? begun.label : deviceLabel(req.headers['user-agent']),
    ipPrefix: binding.network === 'off' ? begun.ipPrefix : ipPrefix(req.ip),
  };
  const changed: Mismatch['changed'][number][] = [];
  const policies: BindingPolicy[] = [];
  if (current.label !== begun.label) {
    changed.push('user-agent');
    policies.push(binding.userAgent);
  }
  // An address that is not known, now or then, is no other one.
  if (current.ipPrefix !== begun.ipPrefix && current.ipPrefix !== '' && begun.ipPrefix !== '') {
    changed.push('network');
    policies.push(binding.network);
  }
  if (changed.length === 0) return undefined;
  const strictest = policies.includes('end') ? 'end' : policies.includes('step-up') ? 'step-up' : 'observe';
  return { changed, policy: strictest, current };
}
