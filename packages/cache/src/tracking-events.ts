/** What following a prefix tells. */
export interface TrackingEvents {
  /** From now on every change is told. @param clockMs Redis time minus `performance.now()` */
  readonly onArmed: (clockMs: number) => void;
  /** A key has changed, or vanished. */
  readonly onKey: (key: string) => void;
  /** Everything has changed. */
  readonly onFlush: () => void;
  /** From now on nothing is told, until armed again. */
  readonly onDown: () => void;
  /** The server won't tell: not permitted or not known to it. */
  readonly onRefused: (error: Error) => void;
}

/** Whether the server has answered with an error. */
export function isStoreReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}
