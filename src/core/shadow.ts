/** Shadow mode: a policy judges all calls and keeps its state, but refuses none of them. */
import type { Call } from './call.js';
import type { CallError, DeclaredReason, Reason } from './errors.js';
import type { EmitOf } from './events.js';
import type { Mode } from './mode.js';

/** A policy would have refused a call, or cut one of its attempts. */
export interface ShadowRefused {
  readonly type: 'shadow-refused';
  /** The key in the YAML file. */
  readonly policy: string;
  readonly reason: Reason;
}

/** What a policy in shadow would have done to calls. */
export class Shadow {
  readonly policy: string;
  readonly reasons: readonly Reason[];
  readonly #emit: EmitOf<ShadowRefused>;

  /**
   * @param policy the key in the YAML file.
   * @param reasons all that it refuses for; no other policy has them.
   * @returns undefined where the policy is enforced.
   */
  static open(
    mode: Mode,
    policy: string,
    reasons: Readonly<Record<string, DeclaredReason>>,
    emit: EmitOf<ShadowRefused>,
  ): Shadow | undefined {
    return mode === 'shadow' ? new Shadow(policy, Object.values(reasons), emit) : undefined;
  }

  private constructor(
    policy: string,
    reasons: readonly DeclaredReason[],
    emit: EmitOf<ShadowRefused>,
  ) {
    this.policy = policy;
    this.reasons = reasons.map(({ name }) => name);
    this.#emit = emit;
  }

  /** The call would have ended here: what it does further says nothing of how it would be if the policy were enforced. */
  hasRefused({ shadow }: Call): boolean {
    return shadow.some((reason) => this.reasons.includes(reason));
  }

  /** Counts what would have been a refusal: once per call, because a refusal ends a call. */
  note(call: Call, reason: Reason): void {
    if (this.hasRefused(call)) return;
    call.shadow = [...call.shadow, reason];
    this.#emit({ type: 'shadow-refused', policy: this.policy, reason });
  }
}

/** For what admin endpoints show of a layer: as long as nothing else is said, it is enforced. */
export const shownMode = ({ shadow }: { readonly shadow?: Shadow | undefined }) =>
  shadow === undefined ? {} : ({ mode: 'shadow' } as const);

/**
 * What becomes of a refusal.
 * @param shadow undefined where the policy is enforced.
 * @returns the refusal where it stands; undefined where the call goes on.
 */
export function enforce(
  shadow: Shadow | undefined,
  call: Call,
  refusal: CallError,
): CallError | undefined {
  if (shadow === undefined) return refusal;
  shadow.note(call, refusal.reason);
  return undefined;
}
