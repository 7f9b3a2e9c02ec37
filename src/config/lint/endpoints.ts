/** Lint rules about the endpoints of an upstream: how they are chosen, checked and taken out. */
import { isIP } from 'node:net';
import { plural } from '../../lib/plural.js';
import type { UpstreamConfig } from '../config.js';
import { itemsOf, valueOf } from '../syntax/source.js';
import { showMs } from './forecast.js';
import {
  type ConnectionScope,
  type Found,
  type LintFile,
  type LintRule,
  type LintUpstream,
  type Offence,
  type Place,
} from './scope.js';
import { roundTo } from './timing.js';

const eachUpstream =
  (find: (scope: ConnectionScope, upstream: LintUpstream) => Offence | undefined) =>
  ({ upstreams }: LintFile): Found =>
    upstreams.flatMap((upstream) => {
      const offence = find(upstream.connections, upstream);
      return offence === undefined ? [] : [{ ...offence, name: upstream.config.name }];
    });

/** Whatever a name server says, there is never another one. */
function hasOneEndpoint({ targets, resolve }: UpstreamConfig): boolean {
  const [first, ...others] = targets;
  const { socketPath, host } = first!.target;
  const isAddress = socketPath !== undefined || isIP(host) !== 0;
  return others.length === 0 && (isAddress || resolve.addresses === 'first');
}

/** Keys that only act among several endpoints, and what their reader would expect of them. */
const forSeveral: Readonly<Record<string, string>> = {
  ejection: 'an only endpoint is never taken out',
  slowStart: 'an only endpoint takes all calls at once',
  hedge: 'a hedge goes to another endpoint, so there is none',
};

/** What is inherited is meant for upstreams with more. */
function checkLoneEndpoints({ upstreams }: LintFile): Found {
  return upstreams.flatMap(({ config, node, key, own, connections }) =>
    Object.entries(forSeveral).flatMap(([name, effect]) => {
      const written = valueOf(node, name);
      const isOn = (own.value(name) ?? connections.value(name) ?? 0) !== 0;
      if (written === undefined || !isOn || !hasOneEndpoint(config)) return [];
      const { host, socketPath } = config.targets[0]!.target;
      const cause =
        socketPath !== undefined || isIP(host) !== 0
          ? `the target is one address, ${socketPath ?? host}`
          : 'resolve.addresses is first, which makes the name one endpoint';
      const more = config.resolve.addresses === 'first' ? 'set resolve.addresses to all, ' : '';
      const place = { position: written.position, path: [...key.path, name] };
      const message = `${name} has no effect, because ${cause}: ${effect}; ${more}write further addresses in targets, or remove ${name}`;
      return [{ place, message }];
    }),
  );
}

/** A share of the calls below this says too little about a target. */
const TINY = 0.001;

function checkWeights({ upstreams }: LintFile): Found {
  return upstreams.flatMap(({ config: { targets }, node, key }) => {
    const sum = targets.reduce((total, { weight }) => total + weight, 0);
    return targets.flatMap(({ weight }, i) => {
      if (weight / sum >= TINY) return [];
      const item = itemsOf(valueOf(node, 'targets'))[i];
      const written = valueOf(item, 'weight');
      const place = {
        position: (written ?? item!).position,
        path: [...key.path, 'targets', i, ...(written === undefined ? [] : ['weight'])],
      };
      const share = Number(((weight / sum) * 100).toPrecision(2));
      const least = Math.ceil((sum - weight) / (1 / TINY - 1));
      const message = `this target gets about ${share}% of the calls, if each target has as many addresses as the others: too few to see whether it works; set its weight to ${least} or more`;
      return [{ place, message }];
    });
  });
}

const KEYS = ['balance.key.header', 'balance.key.cookie', 'balance.key'] as const;

const keyOf = (scope: ConnectionScope) => KEYS.find((path) => scope.value(path) !== undefined);

const isHash = (scope: ConnectionScope) => scope.value('balance.strategy') === 'hash';

function keyPlaceOf(scope: ConnectionScope): Place | undefined {
  const path = keyOf(scope);
  return path && scope.place(path);
}

function checkHashKeys({ upstreams }: LintFile): Found {
  const used = new Set(
    upstreams
      .filter(({ connections }) => isHash(connections))
      .map(({ connections }) => keyPlaceOf(connections)?.position),
  );
  return upstreams.flatMap(({ config, connections }) => {
    const path = keyOf(connections);
    if (path === undefined || isHash(connections)) return [];
    const place = connections.place(path);
    // A strategy that is laid over an inherited key is meant to replace it.
    const isLast = connections.culprit(path, 'balance.strategy').position === place.position;
    if (!isLast || used.has(place.position)) return [];
    const message = `balance.key is not used, because balance.strategy is ${String(connections.value('balance.strategy'))}: calls with the same key go to different endpoints; set balance.strategy to hash, or remove the key`;
    return [{ place, message, name: config.name }];
  });
}

/** How long an endpoint that is dead is out at first, and how long together with the second time, in ms. */
function ejectionsOf(scope: ConnectionScope): readonly [first: number, both: number] | undefined {
  const base = scope.number('ejection.baseTime');
  const max = scope.number('ejection.maxTime');
  if (base === undefined || max === undefined) return undefined;
  const first = Math.min(base, max);
  return [first, first + Math.min(2 * base, max)];
}

function checkDetection(scope: ConnectionScope, { config }: LintUpstream): Offence | undefined {
  const interval = scope.number('healthCheck.interval');
  const failures = scope.number('healthCheck.unhealthyAfter');
  const ejections = ejectionsOf(scope);
  if (interval === undefined || failures === undefined || ejections === undefined) return undefined;
  const [first, both] = ejections;
  const foundMs = interval * failures;
  if (hasOneEndpoint(config) || (interval <= first && foundMs < both)) return undefined;
  const fast = roundTo(first / failures, Math.floor);
  return {
    place: scope.culprit(
      'healthCheck.interval',
      'healthCheck.unhealthyAfter',
      'ejection.baseTime',
      'ejection.maxTime',
    ),
    message: `a dead endpoint is unhealthy only after ${showMs(foundMs)} (${plural(failures, 'check')}, one every ${showMs(interval)}), but its first ejection ends after ${showMs(first)}: it comes back before the checks have found it, and more calls fail at it; set healthCheck.interval to ${showMs(fast)} or less, or ejection.baseTime to ${showMs(foundMs)}`,
  };
}

function checkCheckTimeout(scope: ConnectionScope): Offence | undefined {
  const timeout = scope.number('healthCheck.timeout');
  const interval = scope.number('healthCheck.interval');
  if (timeout === undefined || interval === undefined || timeout < interval) return undefined;
  return {
    place: scope.culprit('healthCheck.timeout', 'healthCheck.interval'),
    message: `a check may take ${showMs(timeout)}, but the next one is due after ${showMs(interval)}: an endpoint that hangs is checked only every ${showMs(timeout)}, so it is found later than the interval says; set healthCheck.timeout to ${showMs(roundTo(interval / 2, Math.ceil))} or so, and to less than ${showMs(interval)}`,
  };
}

function checkLongestEjection(scope: ConnectionScope): Offence | undefined {
  const base = scope.number('ejection.baseTime');
  const longest = scope.number('ejection.maxTime');
  if (base === undefined || longest === undefined || base <= longest) return undefined;
  return {
    place: scope.culprit('ejection.baseTime', 'ejection.maxTime'),
    message: `an endpoint should be out for ${showMs(base)}, but maxTime cuts that to ${showMs(longest)}: it comes back earlier than baseTime says; set ejection.maxTime to ${showMs(base)} or more`,
  };
}

export const endpointRules: readonly LintRule[] = [
  { name: 'lone-endpoint', level: 'warning', check: checkLoneEndpoints },
  { name: 'slow-health-check', level: 'warning', check: eachUpstream(checkDetection) },
  { name: 'check-outlasts-interval', level: 'warning', check: eachUpstream(checkCheckTimeout) },
  { name: 'ejection-exceeds-maximum', level: 'warning', check: eachUpstream(checkLongestEjection) },
  { name: 'unused-hash-key', level: 'warning', check: checkHashKeys },
  { name: 'tiny-weight', level: 'info', check: checkWeights },
];
