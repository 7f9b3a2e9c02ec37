/** What exchanges need of the listeners and of the process. */
import type { Call } from '../core/call.js';
import type { CallError, CallFailure } from '../core/errors.js';
import type { Tracer } from '../core/span.js';
import type { Member, Roster } from '../lib/roster.js';
import type { Scope } from '../upstream/scope.js';
import type { Problems } from './problem.js';
import type { UploadLimits } from './upload-limits.js';

/** An exchange that runs now, so that a stop can end it. */
export interface Running extends Member {
  cancel(error: CallFailure): void;
}

/** What all exchanges share. */
export interface ExchangeContext extends UploadLimits {
  readonly createRequestId: () => string;
  readonly problems: Problems;
  /** Why a new call is refused because the process is overloaded; undefined while overload is not watched. */
  readonly refuse: ((call: Call, scope: Scope) => CallError | undefined) | undefined;
  /** Undefined while nothing is traced. */
  readonly tracer: Tracer | undefined;
  /** A request was refused below the policies, which no exchange tells of. */
  readonly onRefused: (status: number, why: string) => void;
  /** While draining, connections are told to close. */
  isDraining(): boolean;
  readonly running: Roster<Running>;
}
