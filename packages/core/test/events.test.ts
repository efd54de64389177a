import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { until } from '@sallyport/testkit';
import { createEventSink } from '../src/index.js';

type DoorEvent = { readonly type: 'opened'; readonly key: string } | { readonly type: 'closed' };

/** The process warnings of the test, as they were emitted. */
function recordWarnings(): unknown[][] {
  const warnings: unknown[][] = [];
  jest.spyOn(process, 'emitWarning').mockImplementation((...args: unknown[]) => void warnings.push(args));
  return warnings;
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe('createEventSink()', () => {
  it('is inactive while nobody listens', () => {
    const sink = createEventSink<DoorEvent>('core-test-quiet', undefined);
    expect(sink.isActive).toBe(false);
    expect(() => sink.emit({ type: 'closed' })).not.toThrow();
  });

  it('hands events to onEvent as they are', () => {
    const seen: DoorEvent[] = [];
    const sink = createEventSink<DoorEvent>('core-test', (event) => seen.push(event));
    const event: DoorEvent = { type: 'opened', key: 'a' };
    sink.emit(event);
    expect(sink.isActive).toBe(true);
    expect(seen).toEqual([event]);
    expect(seen[0]).toBe(event);
  });

  it('publishes on the diagnostics channel of the package, also to who subscribes later', () => {
    const sink = createEventSink<DoorEvent>('core-test-channel', undefined);
    const seen: unknown[] = [];
    const listener = (message: unknown, name: string | symbol) => seen.push([name, message]);
    subscribe('sallyport:core-test-channel', listener);
    expect(sink.isActive).toBe(true);
    sink.emit({ type: 'closed' });
    unsubscribe('sallyport:core-test-channel', listener);
    sink.emit({ type: 'closed' });
    expect(seen).toEqual([['sallyport:core-test-channel', { type: 'closed' }]]);
    expect([sink.isActive, channel('sallyport:core-test-channel').hasSubscribers]).toEqual([false, false]);
  });

  it('turns what onEvent throws into a process warning', () => {
    const warnings = recordWarnings();
    const sink = createEventSink<DoorEvent>('core-test', () => {
      throw new Error('listener broke');
    });
    expect(() => sink.emit({ type: 'closed' })).not.toThrow();
    expect(warnings).toEqual([['onEvent(closed) of core-test: listener broke', 'SallyportWarning']]);
  });

  it('turns the rejection of an async onEvent into a process warning', async () => {
    const warnings = recordWarnings();
    const onEvent: (event: DoorEvent) => unknown = async () => Promise.reject(new Error('late break'));
    const sink = createEventSink<DoorEvent>('core-test', onEvent);
    sink.emit({ type: 'closed' });
    await until(() => warnings.length === 1);
    expect(warnings).toEqual([['onEvent(closed) of core-test: late break', 'SallyportWarning']]);
  });
});
