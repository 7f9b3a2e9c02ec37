/** What endpoints tell, their metrics, and their lines in the log. */

export interface EndpointEjected {
  readonly type: 'endpoint-ejected';
  readonly address: string;
  /** In a row. */
  readonly failures: number;
  readonly forMs: number;
}

/** It is available again. */
export interface EndpointReturned {
  readonly type: 'endpoint-returned';
  readonly address: string;
  readonly from: 'ejected' | 'unhealthy' | 'drained';
}

export interface EndpointUnhealthy {
  readonly type: 'endpoint-unhealthy';
  readonly address: string;
  /** In a row. */
  readonly failures: number;
  /** Of the last check. */
  readonly error: string;
}

export interface EndpointDrained {
  readonly type: 'endpoint-drained';
  readonly address: string;
  /** Infinity: until an operator changes it. */
  readonly forMs: number;
}

export interface HealthChecked {
  readonly type: 'health-checked';
  readonly result: 'success' | 'failure';
}

/** A name was looked up. */
export interface NameResolved {
  readonly type: 'name-resolved';
  readonly name: string;
  /** success: the addresses are not the ones before. */
  readonly result: 'success' | 'failure' | 'unchanged';
  readonly addresses: readonly string[];
  readonly error: Error | undefined;
  /** The first of its kind after others: it has a line in the log. */
  readonly isNews: boolean;
}

/** An attempt was made although no endpoint was available. */
export interface Panicked {
  readonly type: 'endpoints-panicked';
  /** The first one since an endpoint was available. */
  readonly isNews: boolean;
}

export type EndpointEvent =
  | EndpointEjected
  | EndpointReturned
  | EndpointUnhealthy
  | EndpointDrained
  | HealthChecked
  | NameResolved
  | Panicked;
