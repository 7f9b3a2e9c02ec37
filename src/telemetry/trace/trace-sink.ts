/** Shows in traces what policies tell of calls. */
import type { CallEvent } from '../../core/events.js';
import type { TracedEvent } from '../../core/instruments.js';
import type { PolicyList } from '../../core/policy.js';
import type { Sink } from '../bus.js';

export function createTraceSink(policies: PolicyList): Sink {
  const shown = new Map<string, TracedEvent>(
    policies.flatMap(({ traced = [] }) => traced.map((each) => [each.event, each])),
  );
  return {
    scope: () => (event) => {
      const found = shown.get(event.type);
      if (found === undefined) return;
      const told = event as CallEvent;
      const span = told.call?.span;
      if (span === undefined || found.when?.(told) === false) return;
      span.addEvent(found.name, found.attributes(told));
    },
  };
}

/** Names of the events for calls that are refused, by the reason. */
export const refusalEventsOf = (policies: PolicyList): ReadonlyMap<string, string> =>
  new Map(
    policies
      .flatMap(({ reasons = {} }) => Object.values(reasons))
      .flatMap(({ name, spanEvent }) => (spanEvent === undefined ? [] : [[name, spanEvent]])),
  );
