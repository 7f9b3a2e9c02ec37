/** HTTP filters that have an equal, or nearly. */
import type { Part } from '../part.js';
import type { Foreign } from '../foreign.js';
import { showDuration, showRate, showShare } from '../values.js';
import { readDuration, readFraction } from './read.js';

/** `envoy.extensions.filters.http.router.v3.Router` */
const typeOf = (config: Foreign) => config.get('@type')?.peek()?.split('/').at(-1) ?? '';

/** @returns whether it is a filter that could be converted, or told of. */
export function convertFilter(filter: Foreign, part: Part): boolean {
  const config = filter.get('typed_config', 'config');
  const name = filter.get('name')?.text() ?? '';
  if (config === undefined) return name.endsWith('router');
  const type = typeOf(config);
  if (type.endsWith('.router.v3.Router')) {
    filter.get('name')?.use();
    config.get('@type')?.use();
    return true;
  }
  if (type.includes('.local_ratelimit.')) {
    filter.get('name')?.use();
    return convertRateLimit(config, part);
  }
  if (type.includes('.fault.')) return convertFault(filter, config, part);
  if (type.includes('.adaptive_concurrency.')) {
    part.note(
      `${filter.use().origin}: see \`bulkhead.adaptive\`, which moves \`maxConcurrent\` with errors and latency. Its numbers are others: bulkhead: { adaptive: { min: 5, max: 200 } }.`,
    );
    return true;
  }
  if (type.includes('.buffer.')) {
    const most = config.get('max_request_bytes')?.number();
    part.note(
      `${filter.use().origin}: Breakwater streams bodies. For all listeners the most is \`limits: { maxRequestBody: ${most ?? 1048576}B }\`.`,
    );
    return true;
  }
  return false;
}

/** `envoy.filters.http.local_ratelimit`, of a listener or of a route. */
export function convertRateLimit(config: Foreign, part: Part): boolean {
  const bucket = config.get('token_bucket');
  if (bucket === undefined || !typeOf(config).includes('.local_ratelimit.')) return false;
  config.get('@type')?.use();
  const enabled = config.get('filter_enabled');
  const enforced = config.get('filter_enforced');
  const share = readFraction(enabled) ?? 0;
  const enforcedShare = readFraction(enforced) ?? 0;
  if (share === 0) {
    part.note(
      `${bucket.use().where} ${bucket.written}: Envoy limits nothing, because filter_enabled is 0% by default. So there is no \`rateLimit\`.`,
    );
    for (const each of [enabled, enforced]) {
      if (each !== undefined) part.note(`${each.use().origin}: see token_bucket.`);
    }
    return true;
  }
  const most = bucket.get('max_tokens');
  const perFill = bucket.get('tokens_per_fill');
  const interval = bucket.get('fill_interval');
  const perSecond = ((perFill?.number() ?? 1) * 1000) / (readDuration(interval) || 1000);
  if (enforcedShare === 0) {
    const from = enforced ?? 'filter_enforced is 0% by default';
    part.set('rateLimit.mode', 'shadow', from, 'Envoy counts, and refuses nothing.');
  }
  part.set('rateLimit.rate', showRate(perSecond), interval);
  if (perFill !== undefined) part.note(perFill.origin, 'rateLimit.rate');
  part.set('rateLimit.burst', Math.max(1, Math.floor(most?.number() ?? 1)), most);
  part.note(
    'In Envoy all that goes through the listener or the route counts together. Here each upstream, and each route with `rateLimit`, counts by itself. The 429 has `Retry-After` and `RateLimit` fields.',
    'rateLimit',
  );
  const isWhole = share >= 1 && enforcedShare >= 1;
  for (const each of [enabled, enforced]) {
    const judged = isWhole ? 'all requests count, as here' : 'here all requests count';
    if (each !== undefined) part.note(`${each.use().origin}: ${judged}.`, 'rateLimit');
  }
  return true;
}

/** Statuses that an injected abort can have here. */
const isAbortStatus = (status: number) => status >= 400 && status <= 599;

/** `envoy.filters.http.fault`, of a listener. */
function convertFault(filter: Foreign, config: Foreign, part: Part): boolean {
  filter.get('name')?.use();
  config.get('@type')?.use();
  const delay = config.at('delay', 'fixed_delay');
  const abort = config.at('abort', 'http_status');
  const delayMs = readDuration(delay);
  const status = abort?.number();
  if (delay !== undefined && delayMs !== undefined && delayMs > 0) {
    setShare('fault.delay.share', config.get('delay'), part);
    part.set('fault.delay.time', showDuration(delayMs), delay);
  }
  if (abort !== undefined && status !== undefined && isAbortStatus(status)) {
    setShare('fault.abort.share', config.get('abort'), part);
    part.set('fault.abort.status', status, abort);
  } else if (abort !== undefined) {
    part.note(`${abort.origin}: an abort has a status from 400 to 599 here.`);
  }
  part.differs(
    'Faults: Envoy draws once for each request, before its retries. Here a fault looks as if the upstream had done it: it is drawn for each attempt, and retries and the circuit see it. `check` warns of faults in a file.',
  );
  return true;
}

function setShare(path: string, owner: Foreign | undefined, part: Part): void {
  const percentage = owner?.get('percentage');
  const share = Math.min(1, readFraction(percentage) ?? 0);
  part.set(path, showShare(share), percentage?.use() ?? 'percentage is 0% by default');
}
