import { jestGlobals } from '../jest-globals.js';
import { Arena } from './arena.js';
import { clientCases } from './client-cases.js';
import { failureCases } from './failure-cases.js';
import { keyCases } from './key-cases.js';
import { optionCases } from './option-cases.js';
import { specimenOf, type ContractHandle, type ContractSubject } from './subject.js';

/** A package without HTTP: an object with methods. */
export interface StoreSubject<Options, Handle, Value> extends ContractSubject<
  Options,
  Handle,
  PromiseSettledResult<Value>
> {
  /** Uses the object once, so that it stores something in Redis; `count` is different on each use. */
  readonly use: (handle: Handle, count: number) => Promise<Value>;
  /** Asserts what a use gives while Redis is well. @default it is fulfilled */
  readonly expectHealthy?: (outcome: PromiseSettledResult<Value>) => unknown;
}

/**
 * Registers the tests that every package without HTTP passes: options, failure policy, keys, and care for the caller's client.
 * They run on a Redis of their own behind a proxy.
 */
export function storeContract<Options, Handle extends ContractHandle, Value>(
  subject: StoreSubject<Options, Handle, Value>,
): void {
  const { describe, expect } = jestGlobals();
  let count = 0;
  const specimen = specimenOf(subject, {
    install: async (handle: Handle) => async () => {
      const [outcome] = await Promise.allSettled([subject.use(handle, (count += 1))]);
      return outcome;
    },
    expectHealthy: subject.expectHealthy ?? ((outcome) => expect(outcome).toMatchObject({ status: 'fulfilled' })),
  });

  describe(`${subject.name}: the contract of a store`, () => {
    const arena = new Arena(specimen);
    optionCases(arena);
    failureCases(arena);
    keyCases(arena);
    clientCases(arena);
  });
}
