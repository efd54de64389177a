/**
 * What a package tells about itself so that the contract can be checked on it. The cases see each package as a "trial": a fresh
 * instance that can be used once or more, with an outcome that is either healthy or degraded.
 */

/** The part of a handle that all packages share; what a package lacks is not tested. */
export interface ContractHandle {
  get?(key: string): unknown;
  delete?(key: string): Promise<boolean>;
  clear?(): Promise<number>;
  close?(): unknown;
}

/** What every subject gives, HTTP or not. */
export interface ContractSubject<Options, Handle, Outcome> {
  /** Without the scope: `'rate-limit'`. Errors of its options have the code `ERR_RATE_LIMIT_OPTION`. */
  readonly name: string;
  /** The factory itself, so that what the contract passes is what it receives. */
  readonly create: (options: Options) => Handle;
  /** Options of its own that make a working instance, generous enough for some 50 uses; `redis` and `prefix` are added. */
  readonly options?: Partial<Options>;
  /** Asserts what a use gives while Redis is unreachable, under the default `onStoreFailure`. */
  readonly expectDegraded: (outcome: Outcome) => unknown;
  /** Further values of `onStoreFailure`, each with what it promises. */
  readonly policies?: Readonly<Record<string, (outcome: Outcome) => unknown>>;
  /** Values that the factory refuses, beyond those of the shared options: `{ windowMs: [0, 1.5] }`. */
  readonly badOptions?: Readonly<Record<string, readonly unknown[]>>;
  /** Keys without TTL for a documented reason. */
  readonly withoutTtl?: readonly (string | RegExp)[];
  /** A key for `get()` and `delete()` that one use has stored something for. */
  readonly storedKey?: string;
  /** Shared options and behaviours that the package does not have. */
  readonly lacks?: readonly ('onStoreFailure' | 'onEvent' | 'deadlineMs' | 'skip')[];
}

/** A subject with its types out of the way, and how it is used; what the cases work on. */
export interface Specimen<Outcome> {
  readonly subject: Omit<ContractSubject<never, ContractHandle, Outcome>, 'create' | 'options'>;
  readonly options: Readonly<Record<string, unknown>>;
  readonly create: (options: unknown) => ContractHandle;
  /** Makes the instance ready and gives the function that uses it once, storing something. */
  readonly install: (handle: ContractHandle) => Promise<() => Promise<Outcome>>;
  readonly expectHealthy: (outcome: Outcome) => unknown;
}

/** The specimen of `subject`. The contract passes wrong options on purpose, so the factory's types end here. */
export function specimenOf<Options, Handle extends ContractHandle, Outcome>(
  subject: ContractSubject<Options, Handle, Outcome>,
  how: {
    install: (handle: Handle) => Promise<() => Promise<Outcome>>;
    expectHealthy: (outcome: Outcome) => unknown;
  },
): Specimen<Outcome> {
  return {
    subject,
    options: { ...subject.options },
    create: (options) => subject.create(options as Options),
    install: (handle) => how.install(handle as Handle),
    expectHealthy: how.expectHealthy,
  };
}
