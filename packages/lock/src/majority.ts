// Waits for several answers, but for no more of them than are needed.

/** What came back by then. */
export interface Votes<T> {
  readonly answers: T[];
  readonly failures: unknown[];
}

/** Resolves when `needed` answers are a yes, or all have come or failed. Never rejects. */
export function enough<T>(
  asked: readonly Promise<T>[],
  needed: number,
  isYes: (answer: T) => boolean,
): Promise<Votes<T>> {
  return new Promise((resolve) => {
    const votes: Votes<T> = { answers: [], failures: [] };
    let yes = 0;
    function count(): void {
      // A copy: what comes later is nobody's business any more.
      const isComplete = votes.answers.length + votes.failures.length === asked.length;
      if (yes >= needed || isComplete) resolve({ answers: [...votes.answers], failures: [...votes.failures] });
    }
    for (const answer of asked) {
      answer.then(
        (value) => {
          votes.answers.push(value);
          if (isYes(value)) yes += 1;
          count();
        },
        (error: unknown) => {
          votes.failures.push(error);
          count();
        },
      );
    }
  });
}
