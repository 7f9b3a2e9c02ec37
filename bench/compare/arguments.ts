/** The command line of the comparison. */
import { parseArgs } from 'node:util';
import type { Contender } from './contenders.js';
import { nodeContenders } from './contenders.js';
import { caddy, envoy, haproxy, nginx } from './peers.js';
import { workloads, type Workload } from './workloads.js';

export const contenders: readonly Contender[] = [...nodeContenders, nginx, haproxy, caddy, envoy];

export interface Options {
  readonly rounds: number;
  /** Of each measurement. */
  readonly seconds: number;
  /** Requests per second for the latency; undefined for half of what the floor can do. */
  readonly rate: number | undefined;
  readonly contenders: readonly Contender[];
  readonly workloads: readonly Workload[];
  /** File for all figures. */
  readonly json: string | undefined;
  /** Tables for a README rather than for a terminal. */
  readonly isMarkdown: boolean;
}

/** @throws Error that says what is allowed. */
export function readArguments(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '5' },
      rate: { type: 'string' },
      only: { type: 'string' },
      workload: { type: 'string' },
      json: { type: 'string' },
      markdown: { type: 'boolean', default: false },
    },
  });
  return {
    rounds: atLeastOne('--rounds', values.rounds),
    seconds: atLeastOne('--seconds', values.seconds),
    rate: values.rate === undefined ? undefined : atLeastOne('--rate', values.rate),
    // The other figures are relative to the first two.
    contenders: choose('--only', values.only, contenders, ['direct', 'floor', 'http2-floor']),
    workloads: choose('--workload', values.workload, workloads),
    json: values.json,
    isMarkdown: values.markdown,
  };
}

function atLeastOne(option: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new Error(`Cannot use ${option} ${text} because it takes a whole number from 1 on`);
}

function choose<T extends { readonly name: string }>(
  option: string,
  list: string | undefined,
  all: readonly T[],
  always: readonly string[] = [],
): readonly T[] {
  if (list === undefined) return all;
  const names = list.split(',');
  const unknown = names.find((name) => !all.some((each) => each.name === name));
  if (unknown !== undefined) {
    const allowed = all.map(({ name }) => name).join(', ');
    throw new Error(`Cannot use ${option} ${unknown} because it takes some of: ${allowed}`);
  }
  return all.filter(({ name }) => names.includes(name) || always.includes(name));
}
