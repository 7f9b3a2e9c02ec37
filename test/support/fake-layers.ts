/** Layers that pass everything on, with whatever state a test wants to be seen. */
import type { InspectableScope } from '../../src/core/inspect.js';
import type { CallLayer } from '../../src/core/pipeline.js';

/** A policy that is on. */
export const fakeLayer = <State extends object>(state: State): CallLayer & State =>
  Object.defineProperties(
    { wrap: (next) => next } as CallLayer,
    Object.getOwnPropertyDescriptors(state),
  ) as CallLayer & State;

export const fakeScope = (
  upstream: string,
  route = '',
  layers: InspectableScope['layers'] = {},
): InspectableScope => ({ upstream, route, layers });
