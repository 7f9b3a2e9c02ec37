/** Words that many programs use for many things: what they mean is said by the section that they stand in. */
import { asSeconds, asWord, type ForeignTable } from '../../schema/foreign-values.js';

/** The section is one of this file. */
export const foreignSectionKeys: readonly (readonly [
  program: string,
  section: string,
  table: ForeignTable,
])[] = [
  [
    'Dapr',
    'circuitBreaker',
    {
      timeout: ['circuitBreaker.recoveryTimeout', asSeconds],
      interval: ['circuitBreaker.failureRate.window', asSeconds],
    },
  ],
  ['Dapr', 'retry', { policy: ['retry.backoff.strategy', asWord] }],
  ['Polly', 'hedge', { Delay: ['hedge.after', asSeconds] }],
  ['Polly', 'timeout', { Timeout: ['timeout.total', asSeconds] }],
  ['Polly', 'rateLimit', { PermitLimit: ['rateLimit.rate'], Window: ['rateLimit.rate'] }],
];
