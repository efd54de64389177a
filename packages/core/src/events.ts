// Hands events to the `onEvent` option and to `node:diagnostics_channel`. Costs one comparison when nobody listens.

import { channel } from 'node:diagnostics_channel';

/** Where one middleware instance reports what happened. */
export interface EventSink<Event extends { readonly type: string }> {
  /** Whether anybody listens: build costly events only when `true`. */
  readonly isActive: boolean;
  emit(event: Event): void;
}

/**
 * Gives the sink for one instance: events go to `onEvent` and to the diagnostics channel `sallyport:<package>`.
 * A listener that throws never breaks a request; it is reported as a process warning.
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
      try {
        onEvent(event);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        process.emitWarning(
          `onEvent of @sallyport/${packageName} threw on "${event.type}": ${reason}`,
          'SallyportWarning',
        );
      }
    },
  };
}
