/** Finds settings in a configuration file that are allowed but cause trouble in production. */
import type { EffectiveUpstream } from '../resolve/lay-policies.js';
import type { Config } from '../config.js';
import { Findings, formatPath, listWords, type Diagnostic } from '../syntax/diagnostics.js';
import { readComments } from '../syntax/comments.js';
import type { SourceText } from '../syntax/include.js';
import type { SourceNode } from '../syntax/source.js';
import { circuitRules } from './circuits.js';
import { grpcRules } from './grpc.js';
import { faultRules } from './faults.js';
import { hedgingRules } from './hedging.js';
import { endpointRules } from './endpoints.js';
import { ignoreRules, readIgnores } from './ignores.js';
import { numberRules } from './numbers.js';
import { overloadRules } from './overload.js';
import { rateLimitRules } from './rate-limits.js';
import { routeRules } from './routes.js';
import { shadowRules } from './shadow.js';
import { listUpstreams, type LintFile, type LintRule, type Offence } from './scope.js';
import { timingRules } from './timing.js';
import { wiringRules } from './wiring.js';

/** All rules. */
export const lintRules: readonly LintRule[] = [
  ...timingRules,
  ...numberRules,
  ...hedgingRules,
  ...faultRules,
  ...grpcRules,
  ...endpointRules,
  ...rateLimitRules,
  ...circuitRules,
  ...wiringRules,
  ...routeRules,
  ...overloadRules,
  ...shadowRules,
  ...ignoreRules,
];

/** A file without mistakes. */
export interface Linted {
  readonly texts: readonly SourceText[];
  readonly root: SourceNode;
  readonly config: Config;
  readonly effective: readonly EffectiveUpstream[];
}

/** @returns warnings and infos by position, without those that a comment on the same line switches off. */
export function lint({ texts, root, config, effective }: Linted): Diagnostic[] {
  const comments = texts.flatMap(({ text, file }) => readComments(text, file));
  const isIgnored = readIgnores(comments);
  const file: LintFile = {
    config,
    effective,
    root,
    comments,
    ruleNames: lintRules.map(({ name }) => name),
    upstreams: listUpstreams(config, effective, root),
  };
  const findings = new Findings(config.file);
  for (const rule of lintRules) {
    for (const { offence, names } of group(rule, file)) {
      const { place, message } = offence;
      if (isIgnored(place.position, rule.name)) continue;
      const subjects = place.isShared === true ? ` (for ${listWords(names, 'and')})` : '';
      findings.report(rule.level, rule.name, place.position, place.path, message + subjects);
    }
  }
  return findings.list();
}

interface Group {
  readonly offence: Offence;
  /** Names of the upstreams and routes concerned. */
  readonly names: string[];
}

/** A value that many upstreams inherit is reported once. */
function group(rule: LintRule, file: LintFile): Iterable<Group> {
  const groups = new Map<string, Group>();
  for (const { name, ...offence } of rule.check(file)) {
    const { position, path } = offence.place;
    const { file = '', line, column } = position;
    const key = `${file}:${line}:${column}:${formatPath(path)}:${offence.message}`;
    const known = groups.get(key) ?? { offence, names: [] };
    groups.set(key, known);
    if (name !== undefined) known.names.push(name);
  }
  return groups.values();
}
