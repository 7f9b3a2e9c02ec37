/** Lint rules about how upstreams, targets and listeners are put together. */
import type { Target } from '../../core/model.js';
import { isDeepStrictEqual } from 'node:util';
import { policySchemas } from '../../policies/index.js';
import { formatAddress, type UpstreamConfig } from '../config.js';
import { itemsOf, valueOf } from '../syntax/source.js';
import type { Found, LintFile, LintRule, LintUpstream, Place, Scope } from './scope.js';

const showHosts = ({ targets: [first, ...others] }: UpstreamConfig) =>
  first!.target.host + (others.length === 0 ? '' : ` and ${others.length} more`);

function checkCertificates({ upstreams }: LintFile): Found {
  return upstreams
    .filter(({ config }) => config.tls?.insecureSkipVerify === true)
    .map(({ node, key, config }) => ({
      place: {
        position: valueOf(valueOf(node, 'tls'), 'insecureSkipVerify')!.position,
        path: [...key.path, 'tls', 'insecureSkipVerify'],
      },
      message: `any certificate is accepted: an attacker between this machine and ${showHosts(config)} can read and change every call, credentials included; set tls.ca to the authority's PEM file, or tls.serverName to the name in the certificate, and insecureSkipVerify to false`,
    }));
}

const identify = ({ protocol, host, port, socketPath, basePath }: Target) =>
  JSON.stringify([protocol, host, port, socketPath, basePath]);

function checkSharedTargets({ upstreams }: LintFile): Found {
  const owners = new Map<string, LintUpstream[]>();
  return upstreams.flatMap((upstream) => {
    const { targets, policies } = upstream.config;
    return targets.flatMap(({ target }, i) => {
      const key = identify(target);
      const earlier = owners.get(key) ?? [];
      owners.set(key, [...earlier, upstream]);
      const other = earlier.find(
        ({ config }) => !isDeepStrictEqual(config.policies.circuitBreaker, policies.circuitBreaker),
      );
      if (other === undefined) return [];
      const message = `${other.config.name} has this target too, with another circuitBreaker: each circuit counts only its own calls, so one may stay closed while the other is open; write the same circuitBreaker for both, or merge them into one upstream with routes`;
      return [{ place: placeOf(upstream, i), message }];
    });
  });
}

/** Where a target is written. */
function placeOf({ node, key }: LintUpstream, i: number): Place {
  const single = valueOf(node, 'target');
  if (single !== undefined) return { position: single.position, path: [...key.path, 'target'] };
  const { position } = itemsOf(valueOf(node, 'targets'))[i]!;
  return { position, path: [...key.path, 'targets', i] };
}

const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|::1|::ffff:127(?:\.\d+){3})$/;

function checkAdmin({ config, root }: LintFile): Found {
  const { listen, token } = config.admin;
  if (token !== undefined || listen.kind === 'unix' || LOOPBACK.test(listen.host)) return [];
  const node = valueOf(valueOf(root, 'admin'), 'listen')!;
  const message = `${formatAddress(listen)} can be reached from other machines, and no admin.token is set: operators on other machines get 403 when they force a circuit, while a port forward or a proxy on this machine may change everything without a token; set admin.token to "\${ADMIN_TOKEN}", or admin.listen to 127.0.0.1:${listen.port}, with admin.metrics for scrapers and probes`;
  return [{ place: { position: node.position, path: ['admin', 'listen'] }, message }];
}

const scopesOf = ({ own, routes }: LintUpstream): readonly Scope[] => [own, ...routes];

function checkOpenCircuits({ upstreams }: LintFile): Found {
  if (!Object.hasOwn(policySchemas, 'fallback')) return [];
  return upstreams
    .filter(
      (upstream) =>
        upstream.own.value('circuitBreaker') !== undefined &&
        mayGet(upstream.own) &&
        scopesOf(upstream).every((scope) => scope.value('fallback') === undefined),
    )
    .map(({ key }) => ({
      place: key,
      message:
        'while the circuit is open, every call gets 503 circuit-open, although an old response may be good enough for a GET; write fallback: [{ cache: { ttl: 1h } }], or a static response that callers accept',
    }));
}

/** If retry.methods does not list GET, the upstream probably serves no GETs. */
const mayGet = (scope: Scope) =>
  scope.value('retry') === undefined || scope.list('retry.methods').includes('GET');

const attemptsOf = (scope: Scope) => scope.number('retry.maxAttempts') ?? 1;

function checkFallbackChains({ upstreams }: LintFile): Found {
  const byName = new Map(upstreams.map(({ config, own }) => [config.name, own]));
  return upstreams.flatMap(scopesOf).flatMap((scope) => {
    if (attemptsOf(scope) === 1) return [];
    return scope.list('fallback').flatMap((source, i) => {
      const name = (source as { readonly upstream?: unknown }).upstream;
      const backup = typeof name === 'string' ? byName.get(name) : undefined;
      if (backup === undefined || attemptsOf(backup) === 1) return [];
      const message = `a call that fails makes ${attemptsOf(scope)} attempts here, and then up to ${attemptsOf(backup)} attempts at ${backup.name}: in an outage of both, the caller waits for all of them, and the load is multiplied; set retry.maxAttempts to 1 for ${backup.name}, or for the upstreams that fall back to it`;
      return [{ place: scope.place('fallback', i), message, name: scope.name }];
    });
  });
}

export const wiringRules: readonly LintRule[] = [
  { name: 'retries-at-both-ends', level: 'warning', check: checkFallbackChains },
  { name: 'unverified-certificate', level: 'warning', check: checkCertificates },
  { name: 'open-admin', level: 'warning', check: checkAdmin },
  { name: 'shared-target', level: 'info', check: checkSharedTargets },
  { name: 'no-fallback', level: 'info', check: checkOpenCircuits },
];
