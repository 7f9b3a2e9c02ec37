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
  if (type.includes('.fault.')) return tellFault(filter, config, part);
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

/** Faults are no part of a file for production. */
function tellFault(filter: Foreign, config: Foreign, part: Part): boolean {
  const delay = readDuration(config.at('delay', 'fixed_delay'));
  const status = config.at('abort', 'http_status')?.number();
  const written = [
    ...(delay === undefined
      ? []
      : [`delay: { share: ${shareOf(config.get('delay'))}, time: ${showDuration(delay)} }`]),
    ...(status === undefined
      ? []
      : [`abort: { share: ${shareOf(config.get('abort'))}, status: ${status} }`]),
  ];
  part.note(
    `${filter.origin}: faults are left out, because a file with faults is no file for production. In Breakwater they are written \`fault: { ${written.join(', ')} }\`.`,
  );
  filter.use();
  return true;
}

const shareOf = (part: Foreign | undefined) =>
  showShare(Math.min(1, readFraction(part?.get('percentage')) ?? 0));
