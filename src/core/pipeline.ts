/** How policies are put around the transport: those that act per call outside of those that act per attempt. */
import type { FieldEdits } from '../http/field-edits.js';
import type { Fields } from '../http/fields.js';
import { Attempt } from './attempt.js';
import type { Call } from './call.js';
import type { CallError, CallFailure } from './errors.js';
import type { Reply } from './reply.js';
import type { Shadow } from './shadow.js';

/** One step of a call's way, or of an attempt's: a policy around the next stage, or the transport at the end. */
export interface Stage<Subject> {
  /** Resolves with the response's head; rejects with a `CallFailure`. */
  run(subject: Subject): Promise<Reply>;
  /** The error with which an inner stage would refuse the call now, so that no call queues only to be refused. Changes nothing. */
  refusal(call: Call): CallError | undefined;
}

export type CallStage = Stage<Call>;
export type AttemptStage = Stage<Attempt>;

/** A policy that is on: its state lives here and is shared by every chain it is wrapped into. */
export interface Layer<Subject> {
  wrap(next: Stage<Subject>): Stage<Subject>;
  /** Undefined where it has nothing to tell the upstream. */
  readonly requestFields?: EditRequest | undefined;
  /** Undefined where it has nothing to tell the client. */
  readonly responseFields?: DescribeCall | undefined;
  /** Undefined where all of it is enforced. */
  readonly shadow?: Shadow | undefined;
  /** Ends what it does besides calls: a reload has put another one in its place, or the process stops. */
  readonly retire?: (() => void) | undefined;
}

export type CallLayer = Layer<Call>;
export type AttemptLayer = Layer<Attempt>;
export type AnyLayer = CallLayer | AttemptLayer;

/** Writes on the request of one attempt what its policy has to tell the upstream. */
export type EditRequest = (edits: FieldEdits, attempt: Attempt) => void;

/** Header fields for the response to a call, as it is sent: also for one that a policy outside of this one made. */
export type DescribeCall = (call: Call) => Fields;

const wrapAll = <Subject>(layers: readonly Layer<Subject>[], innermost: Stage<Subject>) =>
  layers.reduceRight<Stage<Subject>>((next, layer) => layer.wrap(next), innermost);

/** Ends a call that an inner stage refuses, before it has cost anything. */
export function refuseCall(call: Call, why: CallFailure): Promise<never> {
  call.span?.noteRefusal(why);
  return Promise.reject(why);
}

/** Each run of the call is an attempt, unless it is refused before. */
function attemptEach(next: AttemptStage): CallStage {
  return {
    run(call) {
      const refused = call.cancelled ?? next.refusal(call);
      return refused === undefined ? next.run(new Attempt(call)) : refuseCall(call, refused);
    },
    refusal: (call) => next.refusal(call),
  };
}

/** Outermost first. */
export interface LayerLists {
  readonly call: readonly CallLayer[];
  readonly attempt: readonly AttemptLayer[];
}

/** Puts layers around the stage that carries attempts out. */
export function compose({ call, attempt }: LayerLists, dispatch: AttemptStage): CallStage {
  return wrapAll(call, attemptEach(wrapAll(attempt, dispatch)));
}
