// Hands events to the `onEvent` option and to `node:diagnostics_channel`. Costs one comparison when nobody listens.

import { channel } from 'node:diagnostics_channel';
import { messageOf } from './errors.js';

/** Where one middleware instance reports what happened. */
export interface EventSink<Event extends { readonly type: string }> {
  /** Whether anybody listens: build costly events only when `true`. */
  readonly isActive: boolean;
  emit(event: Event): void;
}

/**
 * Gives the sink for one instance: events go to `onEvent` and to the diagnostics channel `sallyport:<package>`.
 * An `onEvent` that throws or rejects never breaks a request: it becomes a process warning.
 */
export function createEventSink<Event extends { readonly type: string }>(
  packageName: string,
  onEvent: ((event: Event) => void) | undefined,
): EventSink<Event> {
  const subscribers = channel(`sallyport:${packageName}`);
  return {
    get isActive() {
      return onEvent !== undefined || subscribers.hasSubscribers;
    },
    emit(event) {
      if (subscribers.hasSubscribers) subscribers.publish(event);
      if (onEvent === undefined) return;
      const warn = (error: unknown) =>
        process.emitWarning(`onEvent(${event.type}) of ${packageName}: ${messageOf(error)}`, 'SallyportWarning');
      try {
        const outcome: unknown = onEvent(event);
        if (outcome instanceof Promise) outcome.catch(warn);
      } catch (error) {
        warn(error);
      }
    },
  };
}
