/** Pays for the attempts of a call beyond its first one. */
export interface AttemptBudget {
  /** Pays for one more attempt. @returns false, and takes nothing, when the budget does not allow it. */
  tryWithdraw(): boolean;
}
