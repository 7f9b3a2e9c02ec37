/** Dapr's Resiliency resources: an upstream for each app that has policies. */
import { parseDocuments } from '../../config/syntax/documents.js';
import type { Foreign } from '../foreign.js';
import type { Draft } from '../draft.js';
import type { System } from '../system.js';
import { convertBreaker } from './circuit-breaker.js';
import { collectPolicies, type PolicyKind, type PolicyTable } from './policies.js';
import { convertRetry } from './retry.js';
import { convertTimeout } from './timeout.js';
import { writeDefaults, writeOff } from './defaults.js';
import { convertEndpoint } from './http-endpoint.js';

const kindOf = (document: Foreign) => document.get('kind')?.text();

/** A `List` stands for its items. */
const resourcesIn = (document: Foreign): Foreign[] =>
  kindOf(document)?.endsWith('List') === true ? (document.get('items')?.items() ?? []) : [document];

export const dapr: System = {
  title: 'Dapr',
  expects: 'a resource with `kind: Resiliency`',
  unify: (key) => key.toLowerCase(),
  parse: (_file, text, findings) => parseDocuments(text, findings),
  isOwn: (document) =>
    resourcesIn(document).some((resource) =>
      ['Resiliency', 'HTTPEndpoint'].includes(kindOf(resource) ?? ''),
    ),
  reasons: {
    components:
      'a component of Dapr (state, pub/sub, bindings and the like) is not called over HTTP by name, so there is nothing here to put its policies on',
    actors: 'Breakwater knows no actors; calls to them go through Dapr itself',
    circuitbreakercachesize:
      'Breakwater has one circuit for each upstream or route, so there is no cache of them',
    metadata: 'has no equal here',
  },
  convert(documents, draft) {
    const resources = documents.flatMap(resourcesIn);
    const resiliencies: Foreign[] = [];
    for (const resource of resources) {
      const kind = kindOf(resource);
      if (kind === 'Resiliency') resiliencies.push(resource);
      else if (kind === 'HTTPEndpoint') convertEndpoint(resource, draft);
    }
    for (const resource of resiliencies) readFrame(resource, draft);
    const policies = collectPolicies(resiliencies, draft);
    writeDefaults(policies, draft);
    for (const resource of resiliencies) {
      for (const [app, target] of resource.at('spec', 'targets', 'apps')?.entries() ?? []) {
        convertApp(app, target, policies, draft);
      }
    }
    policies.tellUnused(draft);
  },
};

/** What stands around the policies. */
function readFrame(resource: Foreign, draft: Draft): void {
  resource.get('apiVersion')?.use();
  resource.get('metadata')?.get('name')?.use();
  const scopes = resource.get('scopes');
  if (scopes !== undefined && scopes.items().length > 0) {
    scopes.use();
    draft.tell(
      `${scopes.origin}: in Dapr only the sidecars of these apps load the resource. Give this file to the same apps.`,
    );
  }
}

function convertApp(app: string, target: Foreign, policies: PolicyTable, draft: Draft): void {
  const upstream = draft.upstream(app);
  const earlier = upstream.map.has('timeout') || upstream.map.has('retry');
  if (earlier) {
    upstream.note(`${target.where}: this app is a target again. The later one stands, as in Dapr.`);
    for (const key of ['timeout', 'retry', 'circuitBreaker']) upstream.map.delete(key);
  }
  target.belongsTo((text) => upstream.note(text));
  const find = (key: 'timeout' | 'retry' | 'circuitBreaker', kind: PolicyKind) => {
    const reference = target.get(key);
    const name = reference?.text();
    if (reference === undefined || name === undefined || name === '') return undefined;
    const policy = policies.find(kind, name);
    if (policy === undefined) {
      upstream.note(
        `${reference.origin}: there is no such policy in these files. Dapr then runs without it, and so does this file.`,
      );
    }
    return policy;
  };
  const timeout = find('timeout', 'timeouts');
  const retry = find('retry', 'retries');
  const breaker = find('circuitBreaker', 'circuitBreakers');
  const cite = (key: string) => {
    const reference = target.get(key);
    if (reference?.text() !== undefined && reference.text() !== '') {
      upstream.note(reference.origin, key);
    }
  };
  if (timeout !== undefined) convertTimeout(timeout, upstream);
  else writeOff('timeout', upstream);
  if (retry !== undefined) convertRetry(retry, upstream);
  else writeOff('retry', upstream);
  if (breaker !== undefined) convertBreaker(breaker, upstream);
  else writeOff('circuitBreaker', upstream);
  for (const key of ['timeout', 'retry', 'circuitBreaker']) cite(key);
}
