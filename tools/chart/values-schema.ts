/** The schema of the chart's values: Helm refuses a configuration that Breakwater would refuse. */
import { fileSchemas } from '../../src/config/schema/schema.js';
import { policies } from '../../src/policies/index.js';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = { readonly [key: string]: Json };

const isList = (value: Json): value is readonly Json[] => Array.isArray(value);

/** Keywords for our own messages and documents; Helm's validator has no use for them. */
const OWN_KEYWORDS = new Set(['unit', 'off', 'alternatives', 'writeOnly']);

/** What a text must match: all of `every`, and none of `none`. */
export interface Patterns {
  readonly every: readonly string[];
  readonly none: readonly string[];
}

/**
 * A pattern in several: Helm's regular expressions (RE2) have no look-ahead.
 * @throws where it has one that is not known here.
 */
export function withoutLookAhead(pattern: string): Patterns {
  const parts: string[] = [];
  const none: string[] = [];
  let rest = pattern;
  const [refusal, refused] = /^\^\(\?!((?:\(\?:[^()]*\)|[^()])*\$)\)/.exec(rest) ?? [];
  if (refusal !== undefined) {
    none.push(`^${refused}`);
    rest = `^${rest.slice(refusal.length)}`;
  }
  for (;;) {
    const [all, condition] = /^\^\(\?=((?:[^()\\]|\\.)+)\)/.exec(rest) ?? [];
    if (all === undefined) break;
    parts.push(`^${condition}`);
    rest = `^${rest.slice(all.length)}`;
  }
  // Of `5m` before `s`: no other part begins with an s, so it forbids nothing.
  rest = rest.replace('m(?!s)', 'm');
  if (rest.includes('(?=') || rest.includes('(?!')) {
    throw new Error(`Cannot write ${pattern} for Helm because its look-ahead is not known`);
  }
  return { every: [...parts, rest], none };
}

/** @param isSchema whether its keys are keywords: those of `properties` and `$defs` are names. */
function translate(value: Json, isSchema: boolean): Json {
  if (isList(value)) return value.map((item) => translate(item, isSchema));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).flatMap(([key, part]): [string, Json][] => {
    if (!isSchema) return [[key, translate(part, true)]];
    if (OWN_KEYWORDS.has(key)) return [];
    if (key === 'default' || key === 'enum') return [[key, part]];
    if (key === 'pattern' && typeof part === 'string') {
      const { every, none } = withoutLookAhead(part);
      const [first, ...others] = every;
      const rest: JsonObject[] = [
        ...others.map((pattern) => ({ pattern })),
        ...none.map((pattern) => ({ not: { pattern } })),
      ];
      return rest.length === 0
        ? [[key, first!]]
        : [
            [key, first!],
            ['allOf', rest],
          ];
    }
    return [[key, translate(part, key !== 'properties' && key !== '$defs')]];
  });
  return Object.fromEntries(entries);
}

const text: JsonObject = { type: 'string' };
const flag: JsonObject = { type: 'boolean' };
const map: JsonObject = { type: 'object' };
const list: JsonObject = { type: 'array', items: map };
const port: JsonObject = { type: 'integer', minimum: 1, maximum: 65_535 };
const words = (...names: string[]): JsonObject => ({ enum: names });
const labels: JsonObject = { type: 'object', additionalProperties: text };
const closed = (properties: JsonObject): JsonObject => ({
  type: 'object',
  additionalProperties: false,
  properties,
});
const countOrShare: JsonObject = { type: ['integer', 'string'], pattern: '^[0-9]+%$' };

export function valuesSchema(): JsonObject {
  const written = JSON.parse(JSON.stringify(fileSchemas(policies).file)) as JsonObject;
  const file = translate(written, true) as JsonObject;
  const { $schema, $defs, title: _, description, ...configuration } = file;
  return {
    $schema: $schema!,
    title: 'Values of the chart of Breakwater',
    ...closed({
      config: {
        description: description!,
        if: { type: 'object', maxProperties: 0 },
        else: configuration,
      },
      existingConfigMap: text,
      existingSecret: text,
      image: closed({
        repository: { type: 'string', minLength: 1 },
        tag: text,
        digest: { type: 'string', pattern: '^(sha256:[0-9a-f]{64})?$' },
        pullPolicy: words('Always', 'IfNotPresent', 'Never'),
      }),
      admin: closed({ reach: words('socket', 'loopback', 'pod'), port }),
      metrics: closed({ port }),
      resources: map,
      env: list,
      volumes: list,
      volumeMounts: list,
      nameOverride: text,
      fullnameOverride: text,
      labels,
      podLabels: labels,
      podMonitor: closed({
        enabled: flag,
        labels,
        interval: { type: 'string', pattern: '^[0-9]+(ms|s|m|h)$' },
      }),
      prometheusRule: closed({ enabled: flag, labels }),
      dashboard: closed({ enabled: flag, labels, datasource: text }),
      networkPolicy: closed({
        enabled: flag,
        metricsFrom: list,
        callersFrom: list,
        ingress: list,
      }),
      podDisruptionBudget: {
        ...closed({ enabled: flag, maxUnavailable: countOrShare, minAvailable: countOrShare }),
      },
      gateway: closed({
        enabled: flag,
        kind: words('Deployment', 'DaemonSet'),
        replicas: { type: 'integer', minimum: 0 },
        imagePullSecrets: list,
        annotations: labels,
        nodeSelector: labels,
        tolerations: list,
        affinity: map,
        topologySpreadConstraints: list,
        priorityClassName: text,
        terminationGracePeriodSeconds: { type: 'integer', minimum: 1 },
      }),
      // As a dependency of another chart.
      global: map,
      enabled: flag,
      tags: map,
    }),
    $defs: $defs!,
  };
}
