// One run per key and process: callers that come while it runs get its outcome, value or error. A `Map`, so that a key
// named "constructor" is a key like any other.

/** What a run gave. */
export interface Outcome {
  readonly value: unknown;
  /** A purge came while the value was loaded: right for those who asked before it, perhaps not for those who joined. */
  readonly isOvertaken: boolean;
}

export interface SingleFlight {
  /** Joins the run of `key`, or starts it. */
  run(key: string, start: () => Promise<Outcome>): Promise<unknown>;
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
    async run(key, start) {
      const running = flights.get(key);
      if (running === undefined) return (await launch(key, start)).value;
      const outcome = await running;
      if (!outcome.isOvertaken) return outcome.value;
      // Whatever runs now began after this call, so its value is right for this call, even when it is overtaken in turn.
      return (await (flights.get(key) ?? launch(key, start))).value;
    },
    detach(key) {
      if (key === undefined) flights.clear();
      else flights.delete(key);
    },
  };
}
