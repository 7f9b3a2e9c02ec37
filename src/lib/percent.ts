/** Shares in messages. */

/** `50%`, `66.7%`, `0.01%`: three digits at most. */
export const formatPercent = (share: number): string => `${Number((share * 100).toPrecision(3))}%`;
