/** How policies are put around the transport. */
import type { Call } from './call.js';
import type { CallError } from './errors.js';
import type { Reply } from './reply.js';

/** One step of a call's way: a policy around the next stage, or the transport at the end. */
export interface Stage {
  /** Resolves with the answer's head; rejects with a `CallFailure`. */
  run(call: Call): Promise<Reply>;
  /** What the call would be refused with further in right now, so that nobody queues for a refusal. Changes nothing. */
  refusal(call: Call): CallError | undefined;
}

/** A policy that is on: its state lives here and is shared by every chain it is wrapped into. */
export interface Layer {
  wrap(next: Stage): Stage;
}

/** Puts `layers`, outermost first, around `transport`. */
export function compose(layers: readonly Layer[], transport: Stage): Stage {
  return layers.reduceRight<Stage>((next, layer) => layer.wrap(next), transport);
}
