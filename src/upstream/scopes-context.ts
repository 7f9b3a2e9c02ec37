/** What the pipelines of an upstream and of its routes are made with. */
import type { Emit } from '../core/events.js';
import type { AttemptStage, EditRequest } from '../core/pipeline.js';
import type { Needs } from '../core/policy.js';
import type { UpstreamContext } from './upstream-options.js';

/** What scopes use of their upstream. */
export interface ScopesContext extends UpstreamContext {
  /** The innermost stage. @param edits what policies write on each attempt's request. */
  readonly createDispatch: (
    needs: Pick<Required<Needs>, 'judge' | 'tunnelIdleMs'>,
    edits: readonly EditRequest[],
    emit: Emit,
  ) => AttemptStage;
  /** An exchange begins. */
  readonly enter: () => void;
  /** The exchange is over. */
  readonly leave: () => void;
}
