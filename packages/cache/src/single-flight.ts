// One run per key and process: callers that come while it runs get its outcome, value or error. A `Map`, so that a key
// named "constructor" is a key like any other.

/** What a run gave. */
export interface Outcome {
  readonly value: unknown;
  /** A purge came while the value was loaded: right for those who asked before it, perhaps not for those who joined. */
  readonly isOvertaken: boolean;
  /** Past its freshness: for callers that accept this. */
  readonly isStale?: boolean;
}

export interface SingleFlight {
  /** Joins the run of `key`, or starts it. @param takesStale whether the outcome of another's run may be a stale value */
  run(key: string, start: () => Promise<Outcome>, takesStale: boolean): Promise<unknown>;
  /** Callers from now on don't join the runs of `key` — of all keys when it is left out — that are under way. */
  detach(key?: string): void;
}

export function createSingleFlight(): SingleFlight {
  const flights = new Map<string, Promise<Outcome>>();

  function launch(key: string, start: () => Promise<Outcome>): Promise<Outcome> {
    const flight: Promise<Outcome> = start().finally(() => {
      if (flights.get(key) === flight) flights.delete(key);
    });
    flights.set(key, flight);
    return flight;
  }

  return {
    async run(key, start, takesStale) {
      const running = flights.get(key);
      if (running === undefined) return (await launch(key, start)).value;
      const outcome = await running;
      const isWelcome = ({ isStale }: Outcome) => takesStale || isStale !== true;
      if (!outcome.isOvertaken && isWelcome(outcome)) return outcome.value;
      // Whatever runs now began after this call, so its value is right for this call, even when it is overtaken in turn.
      const next = await (flights.get(key) ?? launch(key, start));
      return isWelcome(next) ? next.value : (await launch(key, start)).value;
    },
    detach(key) {
      if (key === undefined) flights.clear();
      else flights.delete(key);
    },
  };
}
