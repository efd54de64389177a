// Joins reads: those of one turn of the event loop leave as one command, since a command costs the client more than a key
// in it does. A key that several of them ask for is sent once.

export type Values = readonly (Buffer | undefined)[];
export type Read = (keys: readonly string[]) => Promise<Values>;

/** @param onLeave called when the read is sent: until then it answers whoever asks for the same keys */
export type BatchedRead = (keys: readonly string[], onLeave?: () => void) => Promise<Values>;

interface Waiting {
  readonly keys: readonly string[];
  readonly onLeave: (() => void) | undefined;
  readonly resolve: (values: Values) => void;
  readonly reject: (error: unknown) => void;
}

/** More keys than this are not put together: one command holds up all that come after it. */
const MAX_KEYS = 200;

/** Gives a read that collects until the loop has polled all sockets, and then calls `read` once. */
export function batchReads(read: Read): BatchedRead {
  let batch: Waiting[] = [];
  let positions = new Map<string, number>();

  function flush(): void {
    const waiting = batch;
    const sent = positions;
    if (waiting.length === 0) return;
    batch = [];
    positions = new Map();
    for (const { onLeave } of waiting) onLeave?.();
    read(Array.from(sent, ([key]) => key)).then(
      (values) => {
        for (const { keys, resolve } of waiting) resolve(keys.map((key) => values[sent.get(key) ?? -1]));
      },
      (error: unknown) => {
        for (const { reject } of waiting) reject(error);
      },
    );
  }

  return (keys, onLeave) =>
    new Promise((resolve, reject) => {
      if (positions.size + keys.length > MAX_KEYS) flush();
      if (batch.length === 0) setImmediate(flush);
      batch.push({ keys, onLeave, resolve, reject });
      for (const key of keys) if (!positions.has(key)) positions.set(key, positions.size);
    });
}
