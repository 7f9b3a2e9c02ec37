/** What exchanges need of the listeners and of the process. */
import type { CallError } from '../core/errors.js';
import type { Tracer } from '../core/span.js';
import type { Member, Roster } from '../lib/roster.js';
import type { UploadLimits } from './upload-limits.js';

/** An exchange that runs now, so that a stop can end it. */
export interface Running extends Member {
  cancel(error: CallError): void;
}

/** What all exchanges share. */
export interface ExchangeContext extends UploadLimits {
  readonly createRequestId: () => string;
  /** Why a new call to an upstream is refused because the process is overloaded; undefined while overload is not watched. */
  readonly refuse: ((upstream: string) => CallError | undefined) | undefined;
  /** Undefined while nothing is traced. */
  readonly tracer: Tracer | undefined;
  /** A request was refused below the policies, which no exchange tells of. */
  readonly onRefused: (status: number, why: string) => void;
  /** While draining, connections are told to close. */
  isDraining(): boolean;
  readonly running: Roster<Running>;
}
