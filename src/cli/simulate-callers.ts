/** Who calls in a simulation: callers that are made up, or those of a recorded access log. */
import { statSync } from 'node:fs';
import { plural } from '../lib/plural.js';
import { replayLog, surveyLog, type LogSurvey } from '../simulation/access-log.js';
import { seeded } from '../simulation/chance.js';
import type { Source, UpstreamModel } from '../simulation/run.js';
import { CannotSimulate } from '../simulation/scenarios.js';
import { generateTraffic } from '../simulation/traffic.js';
import type { Numbers } from './simulate-numbers.js';

export interface Callers {
  readonly source: Source;
  readonly model: UpstreamModel;
  /** Who they are, for people. */
  readonly what: string;
  readonly warnings: readonly string[];
}

const RPS = 50;
const SECONDS = 120;
const LATENCY_MS = 50;
/** Of the calls that there are; for a log, of those in its busiest second. */
const CAPACITY_TIMES = 2;

/** @param log the file of an access log. @throws CannotSimulate */
export function openSource(upstream: string, log: string | undefined, numbers: Numbers): Callers {
  return log === undefined ? generate(numbers) : replay(log, upstream, numbers);
}

function generate({ rps = RPS, durationMs = SECONDS * 1000, seed, ...model }: Numbers): Callers {
  const { latencyMs = LATENCY_MS, capacity = CAPACITY_TIMES * rps } = model;
  return {
    source: {
      durationMs,
      open: (config) => generateTraffic(config, rps, durationMs, seeded(seed + 1000)),
    },
    model: { latencyMs, capacity },
    what: `${rps} per second for ${durationMs / 1000} s, at random times`,
    warnings: [],
  };
}

function replay(file: string, upstream: string, numbers: Numbers): Callers {
  if (numbers.rps !== undefined) {
    throw new CannotSimulate(
      'Cannot simulate because --rps and --requests are both given; the access log says how many calls there are',
    );
  }
  const survey = readSurvey(file, upstream);
  if (survey.requests === 0) throw new CannotSimulate(describeEmpty(survey, upstream));
  const recordedMs = Math.max(1000, survey.toMs - survey.fromMs + 1);
  const durationMs = Math.min(numbers.durationMs ?? Infinity, recordedMs);
  const { latencyMs = survey.meanServiceMs ?? LATENCY_MS } = numbers;
  const { capacity = CAPACITY_TIMES * survey.busiestSecond } = numbers;
  const from = new Date(survey.fromMs).toISOString();
  return {
    source: { durationMs, open: () => replayLog(survey, upstream) },
    model: { latencyMs: Math.max(1, latencyMs), capacity },
    what: `${plural(survey.requests, 'request')} of ${file}, ${durationMs / 1000} s from ${from} on`,
    warnings: survey.skipped === 0 ? [] : [describeSkipped(survey)],
  };
}

/** The log is read twice: for its figures, and for its requests. */
function readSurvey(file: string, upstream: string): LogSurvey {
  try {
    if (statSync(file).isFile()) return surveyLog(file, upstream);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : message;
    throw new CannotSimulate(`Cannot replay ${file} because ${why}`);
  }
  throw new CannotSimulate(
    `Cannot replay ${file} because it is not a file; it is read twice, so it can be neither a pipe nor a folder`,
  );
}

function describeEmpty(survey: LogSurvey, upstream: string): string {
  const { file, others, skipped } = survey;
  const start = `Cannot replay ${file} because it has no request of upstream ${upstream}`;
  if (others.size > 0) {
    const counts = [...others].map(([name, count]) => `${name} (${count})`);
    return `${start}; it has requests of ${counts.join(', ')}`;
  }
  return skipped === 0 ? `${start}; it is empty` : `${start}; ${describeSkipped(survey)}`;
}

function describeSkipped({ file, skipped, examples }: LogSurvey): string {
  const named = examples.map(({ line, why }) => `line ${line} (${why})`).join(', ');
  const rest = skipped > examples.length ? ', ...' : '';
  return `${plural(skipped, 'line')} of ${file} ${skipped === 1 ? 'is' : 'are'} no access log of Breakwater: ${named}${rest}`;
}
