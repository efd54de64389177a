// Joins reads: those of one turn of the event loop leave as one command, since a command costs the client more than a key
// in it does.

export type Values = (Buffer | undefined)[];
export type Read = (keys: readonly string[]) => Promise<Values>;

interface Waiting {
  readonly keys: readonly string[];
  readonly resolve: (values: Values) => void;
  readonly reject: (error: unknown) => void;
}

/** More keys than this are not put together: one command holds up all that come after it. */
const MAX_KEYS = 200;

/** Gives a read that collects until the loop has polled all sockets, and then calls `read` once. */
export function batchReads(read: Read): Read {
  let batch: Waiting[] = [];
  let keyCount = 0;

  function flush(): void {
    const waiting = batch;
    const [first] = waiting;
    if (first === undefined) return;
    batch = [];
    keyCount = 0;
    const keys = waiting.length === 1 ? first.keys : waiting.flatMap((one) => one.keys);
    read(keys).then(
      (values) => {
        let at = 0;
        for (const one of waiting) one.resolve(values.slice(at, (at += one.keys.length)));
      },
      (error: unknown) => {
        for (const one of waiting) one.reject(error);
      },
    );
  }

  return (keys) =>
    new Promise((resolve, reject) => {
      if (keyCount + keys.length > MAX_KEYS) flush();
      if (batch.length === 0) setImmediate(flush);
      batch.push({ keys, resolve, reject });
      keyCount += keys.length;
    });
}
