/** `outlier_detection` as ejection, and `health_checks`. */
import type { Part } from '../part.js';
import type { Foreign } from '../foreign.js';
import { showDuration, showShare, statusesBetween } from '../values.js';
import { readDuration, setDuration } from './read.js';

const defaults = { failures: 5, baseMs: 30_000, maxMs: 300_000, percent: 10 };

export function convertOutliers(cluster: Foreign, part: Part): void {
  const outliers = cluster.get('outlier_detection');
  if (outliers === undefined) return;
  const row = outliers.get('consecutive_5xx');
  const gateway = outliers.get('consecutive_gateway_failure');
  const base = outliers.get('base_ejection_time');
  const max = outliers.get('max_ejection_time');
  const share = outliers.get('max_ejection_percent');
  const percent = share?.number() ?? defaults.percent;
  const isOff = outliers.get('enforcing_consecutive_5xx')?.number() === 0;
  if ((isOff && gateway === undefined) || percent === 0) {
    part.set('ejection', 'off', isOff ? outliers.get('enforcing_consecutive_5xx') : share);
    part.note(`${outliers.use().origin}: by this Envoy ejects no host.`, 'ejection');
    return;
  }
  const chosen = isOff ? gateway : (row ?? gateway);
  const baseMs = readDuration(base) ?? defaults.baseMs;
  const maxMs = readDuration(max) ?? defaults.maxMs;
  part.set(
    'ejection.consecutiveFailures',
    Math.max(1, chosen?.number() ?? defaults.failures),
    chosen ?? `${outliers.where} outlier_detection: 5 by default`,
  );
  part.differs(
    'Ejection: failures are responses with 500, 502, 503 or 504 (`circuitBreaker.failureStatuses`), resets, timeouts and failed connections. At least one of two or more endpoints may be out here. In Envoy max_ejection_percent holds strictly: with 10%, its default, nothing is ejected of fewer than ten hosts, unless `always_eject_one_host`.',
  );
  if (gateway !== undefined && chosen !== gateway) {
    part.note(`${gateway.use().origin}: Breakwater has one row of failures.`, 'ejection');
  }
  part.set('ejection.baseTime', showDuration(baseMs), base ?? "Envoy's default");
  part.set('ejection.maxTime', showDuration(Math.max(baseMs, maxMs)), max ?? "Envoy's default");
  part.set(
    'ejection.maxShare',
    showShare(Math.min(100, percent) / 100),
    share ?? "Envoy's default",
  );
  outliers.get('always_eject_one_host')?.use();
  const interval = outliers.get('interval');
  if (interval !== undefined) {
    part.note(
      `${interval.use().origin}: here an endpoint comes back when its time is over, not at the next interval.`,
      'ejection',
    );
  }
}

export function convertHealthChecks(cluster: Foreign, part: Part): void {
  const checks = cluster.get('health_checks')?.items() ?? [];
  const usable = checks.find((each) => each.get('http_health_check', 'grpc_health_check'));
  for (const other of checks) {
    if (other === usable) continue;
    part.note(
      `${other.use().where} ${other.fullPath}: ${other.written}: Breakwater has one check, by HTTP or gRPC.`,
    );
  }
  if (usable === undefined) return;
  const http = usable.get('http_health_check');
  if (http === undefined) {
    const service = usable.get('grpc_health_check')!;
    part.set('healthCheck.grpc', service.get('service_name')?.text() ?? '', service.use());
  } else {
    convertHttpCheck(http, part);
  }
  setDuration(part, 'healthCheck.interval', usable.get('interval'));
  setDuration(part, 'healthCheck.timeout', usable.get('timeout'));
  const unhealthy = usable.get('unhealthy_threshold');
  const healthy = usable.get('healthy_threshold');
  if (unhealthy !== undefined) {
    part.set('healthCheck.unhealthyAfter', Math.max(1, unhealthy.number() ?? 1), unhealthy);
    part.note(
      'In Envoy a 503 to a check makes a host unhealthy at once; here every failed check counts alike.',
      'healthCheck.unhealthyAfter',
    );
  }
  if (healthy !== undefined) {
    part.set('healthCheck.healthyAfter', Math.max(1, healthy.number() ?? 1), healthy);
  }
}

function convertHttpCheck(http: Foreign, part: Part): void {
  const path = http.get('path');
  const text = path?.text() ?? '/';
  const isPath = /^\/[!"$-~]*$/.test(text);
  part.set('healthCheck.path', isPath ? text : '/', path);
  if (!isPath) part.note(`${path!.origin}: this is no path.`, 'healthCheck.path');
  const expected = http.get('expected_statuses')?.items() ?? [];
  if (expected.length === 0) {
    part.set('healthCheck.statuses', [200], "Envoy's default");
    return;
  }
  const statuses = expected.flatMap((range) => {
    const start = range.get('start')?.number() ?? 200;
    const end = range.get('end')?.number() ?? 201;
    return end - start > 1 ? statusesBetween(start, end - 1) : [start];
  });
  const list = [...new Set(statuses)].filter((status) => status >= 100 && status <= 599);
  part.set('healthCheck.statuses', list.length > 0 ? list : [200], http.get('expected_statuses'));
}
