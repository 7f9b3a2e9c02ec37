/** The policies of a route: its timeouts, retries, hash and rewrites. */
import type { Part } from '../part.js';
import type { Foreign } from '../foreign.js';
import { convertRateLimit } from './filters.js';
import { convertRetryLimits } from './limits.js';
import { setDuration } from './read.js';
import { convertHedge, convertRetry } from './retry.js';
import type { RouteUse } from './routes.js';

/** @param cluster its limits on retries go with the retries. */
export function convertRoute(use: RouteUse, cluster: Foreign | undefined, part: Part): void {
  const { action, host, manager, route } = use;
  part.set('timeout.attempt', 'off', 'no per_try_timeout');
  if (!setDuration(part, 'timeout.total', action.get('timeout'))) {
    part.set('timeout.total', '15s', "Envoy's default");
  }
  const idle = action.get('idle_timeout') ?? manager?.get('stream_idle_timeout');
  if (setDuration(part, 'timeout.stream', idle)) {
    part.differs(
      'Timeouts: the idle timeout of Envoy is the longest silence of any exchange. Here `timeout.stream` is that of event streams and upgrades; `timeout.idle` (30s by default) is that of other responses.',
    );
  }
  const longest = action.at('max_stream_duration', 'max_stream_duration');
  if (longest !== undefined) {
    part.note(
      `${longest.use().origin}: here \`timeout.total\` ends a call; it does not end streams.`,
    );
  }
  const policy = action.get('retry_policy') ?? host.get('retry_policy');
  if (policy === undefined) part.set('retry', 'off', 'no retry_policy');
  else {
    convertRetry(policy, part);
    if (cluster !== undefined && part.has('retry.maxAttempts')) convertRetryLimits(cluster, part);
  }
  const hedge = action.get('hedge_policy') ?? host.get('hedge_policy');
  if (hedge !== undefined) convertHedge(hedge, policy, part);
  for (const owner of [host, route]) {
    for (const [, config] of owner.get('typed_per_filter_config')?.entries() ?? []) {
      convertRateLimit(config, part);
    }
  }
}

/** What belongs to an upstream as a whole: of differing routes the first one stands. */
export function convertForwarding(uses: readonly RouteUse[], part: Part): void {
  for (const use of uses) {
    convertHost(use, part);
    convertPath(use, part);
    if (!part.has('balance.key')) convertHash(use.action, part);
  }
}

function convertHost({ action }: RouteUse, part: Part): void {
  const literal = action.get('host_rewrite_literal');
  const auto = action.get('auto_host_rewrite');
  const written = literal ?? (auto?.flag() === true ? auto : undefined);
  if (part.has('preserveHost')) {
    if (written !== undefined) {
      part.note(`${written.use().origin}: \`preserveHost\` holds for the whole upstream.`);
    }
  } else if (written !== undefined) {
    part.set('preserveHost', false, written);
    const name = literal?.text();
    if (name !== undefined) {
      part.note(
        `Envoy sends \`Host: ${name}\`. Breakwater sends the host of the target.`,
        'preserveHost',
      );
    }
  } else part.set('preserveHost', true, 'Envoy passes on the Host of the client');
}

function convertPath({ action, host }: RouteUse, part: Part): void {
  const rewrite = action.get('prefix_rewrite');
  if (rewrite !== undefined) {
    part.note(
      `${rewrite.use().origin}: Breakwater removes only its own \`prefix\`, and puts the path of the target in front. With both the same can be had: prefix: /a and target: http://host/b make /b/x of /a/x.`,
    );
  }
  const domains = host.get('domains');
  if (domains !== undefined && domains.use().written !== 'domains: [*]') {
    part.note(
      `${domains.origin}: Breakwater does not choose by host name. Clients call the port of the upstream.`,
    );
  }
}

function convertHash(action: Foreign, part: Part): void {
  const [first, ...others] = action.get('hash_policy')?.items() ?? [];
  if (first === undefined) return;
  const header = first.at('header', 'header_name');
  const cookie = first.at('cookie', 'name');
  const name = header?.text() ?? cookie?.text();
  if (name === undefined) {
    part.note(
      `${first.use().origin}: a hash goes by a header, a cookie or the path here: see \`balance.key\`.`,
    );
  } else {
    part.set('balance.strategy', 'hash', first.origin);
    part.set(
      header === undefined ? 'balance.key.cookie' : 'balance.key.header',
      name,
      header ?? cookie,
    );
  }
  for (const other of others) {
    part.note(`${other.use().origin}: \`balance.key\` is one key.`);
  }
}
