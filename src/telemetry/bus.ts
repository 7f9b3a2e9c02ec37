/** Sends each event of each upstream and route to all sinks. */
import type { Emit } from '../core/events.js';

export interface Sink {
  /** The listener for the events of one upstream and route; both empty for what belongs to no upstream. */
  scope(upstream: string, route: string): Emit;
}

/** One sink that passes each event on to all of `sinks`, in their order. */
export function joinSinks(sinks: readonly Sink[]): Sink {
  return {
    scope(upstream, route) {
      const emits = sinks.map((sink) => sink.scope(upstream, route));
      return (event) => {
        for (const emit of emits) emit(event);
      };
    },
  };
}
