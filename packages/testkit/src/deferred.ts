/** A promise together with the functions that settle it. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T | PromiseLike<T>) => void;
  readonly reject: (reason: unknown) => void;
}

/** A promise that the test settles by hand: holds a handler at a point until the test has looked around. */
export function deferred<T = void>(): Deferred<T> {
  let resolve: Deferred<T>['resolve'] | undefined;
  let reject: Deferred<T>['reject'] | undefined;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  // The executor runs synchronously; the check is for the compiler.
  if (resolve === undefined || reject === undefined) throw new Error('The promise executor did not run');
  return { promise, resolve, reject };
}
