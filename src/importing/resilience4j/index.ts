/** The configuration of resilience4j for Spring Boot: an upstream for each instance. */
import type { Draft } from '../draft.js';
import type { Part } from '../part.js';
import type { Foreign } from '../foreign.js';
import { unifyAll, type System } from '../system.js';
import { convertBreaker } from './circuit-breaker.js';
import { Instance } from './instance.js';
import {
  convertBulkhead,
  convertRateLimiter,
  convertThreadPool,
  convertTimeLimiter,
} from './limits.js';
import { convertRetry } from './retry.js';
import { parseSettings } from './tree.js';

type Convert = (instance: Instance, part: Part) => void;

/** The bulkhead comes before the thread pool, which gives way to it. */
const modules: readonly (readonly [name: string, convert: Convert])[] = [
  ['ratelimiter', convertRateLimiter],
  ['timelimiter', convertTimeLimiter],
  ['bulkhead', convertBulkhead],
  ['threadPoolBulkhead', convertThreadPool],
  ['retry', convertRetry],
  ['circuitbreaker', convertBreaker],
];

const predicate = 'Breakwater sees statuses, not exceptions and results';
const order = 'the order of the policies is fixed here: see README.md';
const monitoring = 'metrics, health and events are always there: see docs/metrics-and-logs.md';

export const resilience4j: System = {
  title: 'resilience4j',
  expects: 'the settings of a Spring Boot application, with `resilience4j`',
  unify: unifyAll,
  parse: parseSettings,
  isOwn: (document) => document.get('resilience4j') !== undefined,
  reasons: {
    recordfailurepredicate: predicate,
    recordresultpredicate: predicate,
    ignoreexceptionpredicate: predicate,
    retryexceptionpredicate: predicate,
    resultpredicate: predicate,
    consumeresultbeforeretryattempt: predicate,
    ignoreclassbindingexceptions: predicate,
    intervalbifunction: 'a delay that a program calculates has no equal; see `retry.backoff`',
    maxwaitdurationinhalfopenstate:
      'a half-open circuit waits for its probes, which have `timeout`',
    transitiontostateafterwaitduration:
      'after `maxWaitDurationInHalfOpenState`, which has no equal',
    initialstate: 'a circuit starts closed; `PUT /circuits/NAME` forces another state',
    writablestacktraceenabled: 'Breakwater has no stack traces',
    contextpropagators: 'Breakwater has no threads for calls',
    eventconsumerbuffersize: monitoring,
    registerhealthindicator: monitoring,
    allowhealthindicatortofail: monitoring,
    subscribeforevents: monitoring,
    metrics: monitoring,
    configs: 'no instance is based on it',
    circuitbreakeraspectorder: order,
    retryaspectorder: order,
    bulkheadaspectorder: order,
    ratelimiteraspectorder: order,
    timelimiteraspectorder: order,
  },
  convert(documents, draft) {
    for (const document of documents) convertDocument(document, draft);
    if (draft.upstreams.size > 0) writeOff(draft);
  },
};

function convertDocument(document: Foreign, draft: Draft): void {
  const beside = document.entries().filter(([key]) => unifyAll(key) !== 'resilience4j');
  const profile =
    document.at('spring', 'config', 'activate', 'on-profile') ?? document.at('spring', 'profiles');
  for (const [, part] of beside) part.use();
  if (profile !== undefined) {
    const own = document.get('resilience4j')!.use();
    draft.tell(
      `${profile.origin}: this document is for a profile. It is left out; import it by itself: ${own.written}`,
    );
    return;
  }
  if (beside.length > 0) {
    const keys = beside.map(([key]) => key).join(', ');
    draft.tell(`${document.where}: keys that are not for resilience4j are left out: ${keys}.`);
  }
  const root = document.get('resilience4j')!;
  for (const [name, convert] of modules) {
    const module = root.get(name);
    if (module === undefined) continue;
    const instances = module.get('instances', 'backends', 'limiters')?.entries() ?? [];
    for (const [instanceName, own] of instances) {
      const part = draft.upstream(instanceName);
      own.belongsTo((text) => part.note(text));
      convert(new Instance(own, module, part), part);
      // An empty instance is an instance with the defaults.
      if (own.entries().length === 0) own.use();
    }
  }
}

/** Modules that an instance does not have. */
function writeOff(draft: Draft): void {
  const { defaults } = draft;
  defaults.note(
    'resilience4j does only what an instance asks for, so what is not written is off. Remove a line to have the default of Breakwater.',
  );
  for (const key of ['timeout.attempt', 'timeout.total', 'bulkhead', 'retry', 'circuitBreaker']) {
    defaults.set(key, 'off', 'not unless an instance has it');
  }
}
