/** One client request on its way through the pipeline. */
import type { AttemptBudget } from './attempt-budget.js';
import { CancelScope } from './cancel-scope.js';
import type { Reason } from './errors.js';
import type { Deadline } from './deadline.js';
import type { RequestBody } from './request-body.js';
import type { AttemptResult } from './outcome.js';
import type { Slot } from './slot.js';
import type { CallSpan } from './span.js';
import type { Fields } from '../http/fields.js';
import { readTrace, type CallerTrace, type Trace } from '../http/traceparent.js';

/** The client's side of a call. */
export interface CallClient {
  /** Passes a 1xx response on, where the client's protocol has such a thing. */
  sendInformational(status: number, statusText: string, fields: Fields): void;
}

/** Where a fallback's response comes from, as the client is told. */
export type FallbackSource = 'cache' | 'static' | `upstream:${string}`;

/** Why the response is not the upstream's own, and where it comes from instead. */
export interface Substitution {
  readonly source: FallbackSource;
  /** Empty where the upstream did respond, but with a failure. */
  readonly reason: Reason;
  /** What happened, in a sentence. */
  readonly cause: string;
}

const NO_FIELDS: Fields = [];

export interface CallInit {
  readonly method: string;
  /** Path and query, byte for byte as they go upstream. */
  readonly path: string;
  /** The Host that goes upstream where it is the client's; undefined where it is the target's, the same for all. */
  readonly host?: string | undefined;
  /** The host that the client asked for. */
  readonly clientHost?: string | undefined;
  /** As the client sent them. */
  readonly headers: Fields;
  /** As they go upstream, but for what each attempt adds. */
  readonly outgoing: Fields;
  readonly body: RequestBody | undefined;
  /** The protocol to upgrade to, as the client names it. */
  readonly upgrade?: string | undefined;
  /** It is a gRPC call: its responses have a status of their own. */
  readonly isGrpc?: boolean;
  /** Undefined where no client waits for 1xx responses. */
  readonly client?: CallClient | undefined;
  /** Monotonic ms at which the request's head was complete. */
  readonly startedAtMs: number;
}

const NO_ADDRESSES: readonly string[] = [];
const NO_REASONS: readonly Reason[] = [];
const NO_INTERVENTIONS: readonly string[] = [];

/** The endpoints of the upstream that a call goes to. */
export interface EndpointChoice {
  /** An endpoint is available that is not among those tried. */
  hasOther(tried: readonly string[]): boolean;
}

/** Mutable on purpose: one object lives as long as the exchange. */
export class Call extends CancelScope {
  readonly method: string;
  readonly path: string;
  readonly host: string | undefined;
  readonly clientHost: string | undefined;
  readonly headers: Fields;
  readonly outgoing: Fields;
  readonly body: RequestBody | undefined;
  readonly upgrade: string | undefined;
  readonly isGrpc: boolean;
  readonly client: CallClient | undefined;
  readonly startedAtMs: number;
  /** Attempts begun so far, counting the first; 0 for a call that was refused. */
  attempts = 0;
  /** The address of each attempt's endpoint, in order: a further attempt prefers another one. */
  triedEndpoints: readonly string[] = NO_ADDRESSES;
  /** Where further attempts could go; set when the first one begins. */
  endpoints: EndpointChoice | undefined;
  /** What pays for attempts that other policies add; undefined where there are to be none. Set by a policy. */
  attemptBudget: AttemptBudget | undefined;
  /** The instant by which the caller wants the end; set by the deadline policy. */
  deadline: Deadline | undefined;
  /** The result of each attempt that has ended, in order. */
  readonly results: AttemptResult[] = [];
  /** What policies have put in the way of its attempts, in order. */
  interventions: readonly string[] = NO_INTERVENTIONS;
  /** Of the last response that an attempt got. */
  upstreamStatus: number | undefined;
  /** Time spent in attempts, in ms. */
  upstreamMs = 0;
  /** Time spent in the bulkhead's queue, in ms. */
  waitedMs = 0;
  /** What the call has to hold while it works; set by the policy that limits how many do. */
  slot: Slot | undefined;
  /** At least the head of an attempt's request was sent. */
  wasSent = false;
  /** Fields for a 502 or 504 of ours to a request that was sent; set by a policy. */
  sentFailureFields: Fields = NO_FIELDS;
  /** The call goes on when its client hangs up, because its result is kept for the client's next request; set by a policy. */
  outlivesClient = false;
  /** Reasons for which policies in shadow would have refused it. */
  shadow: readonly Reason[] = NO_REASONS;
  /** Set where another source than the upstream has responded. */
  substitution: Substitution | undefined;
  /** Attempts made at other upstreams on behalf of this call. */
  attemptsElsewhere = 0;
  /** Undefined unless the trace of the call is recorded here. */
  span: CallSpan | undefined;
  /** Null until it is asked for. */
  #callerTrace: CallerTrace | undefined | null = null;

  constructor(init: CallInit) {
    super();
    this.method = init.method;
    this.path = init.path;
    this.host = init.host;
    this.clientHost = init.clientHost;
    this.headers = init.headers;
    this.outgoing = init.outgoing;
    this.body = init.body;
    this.upgrade = init.upgrade;
    this.isGrpc = init.isGrpc ?? false;
    this.client = init.client;
    this.startedAtMs = init.startedAtMs;
  }

  /** The caller's, if any. */
  get callerTrace(): CallerTrace | undefined {
    if (this.#callerTrace === null) this.#callerTrace = readTrace(this.headers);
    return this.#callerTrace;
  }

  /** The one that the call belongs to: the caller's, or one that began here. */
  get trace(): Trace | undefined {
    return this.span === undefined ? this.callerTrace : this.span.trace;
  }

  /**
   * The same request as a call to another upstream, which ends no later than this one.
   * @param host as in `CallInit`. @param startedAtMs the clocks of the other upstream start then.
   */
  fork(host: string | undefined, startedAtMs: number): Call {
    // It may have to queue before its first attempt.
    this.body?.closeCursors();
    const { method, path, clientHost, headers, outgoing, body, upgrade, isGrpc, client } = this;
    const request = { method, path, clientHost, headers, outgoing, body, upgrade, isGrpc, client };
    const fork = new Call({ ...request, host, startedAtMs });
    fork.deadline = this.deadline;
    fork.span = this.span;
    this.onCancel((why) => fork.cancel(why));
    return fork;
  }
}
