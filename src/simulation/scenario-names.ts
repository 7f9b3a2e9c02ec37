/** The names of the scenarios: the command line shows them without loading what they do. */

export const scenarioNames = [
  'outage',
  'slow',
  'flaky',
  'brownout',
  'spike',
  'thundering-herd',
  'bad-route',
  'half-a-fleet',
  'steady',
] as const;

export type ScenarioName = (typeof scenarioNames)[number];
