/** From a source tree without mistakes to the frozen Config, and to the effective policies that `explain` prints. */
import type { Address } from '../../core/model.js';
import { schemasOf } from '../../core/layers.js';
import type { PolicyList } from '../../core/policy.js';
import { parseAddress } from './addresses/address.js';
import type { Config, PolicySettings, UpstreamConfig } from '../config.js';
import {
  builtInOf,
  createDecoder,
  createNotation,
  layKeysOver,
  type EffectiveMap,
  type WrittenLayer,
} from './layers.js';
import { hashContent } from './content-hash.js';
import { createConnectionsDecoder, layConnectionKeys } from './connections.js';
import { layPolicies, layShared, type EffectiveUpstream } from './lay-policies.js';
import { fillFiles, type Files } from './references.js';
import type { ConnectionOptions } from '../schema/connection-keys.js';
import { sections } from '../schema/sections.js';
import type { TracingSection } from '../schema/tracing.js';
import type { Environment } from '../syntax/interpolate.js';
import { shareEqual } from './share-equal.js';
import { storeConfigOf, storeDocument, type StoreSection } from './stores.js';
import { readTracing, tracingDocument } from './tracing.js';
import { itemsOf, toPlain, valueOf, type SourceNode } from '../syntax/source.js';
import type { UpstreamParts } from './upstreams.js';

export interface Assembled {
  readonly config: Config;
  readonly effective: readonly EffectiveUpstream[];
  readonly root: SourceNode;
}

const own: WrittenLayer = { layer: 'own', path: [] };

/** @param texts of the file and of those that it includes. @param root has passed all checks, as `parts` have. */
export function assemble(
  file: string,
  texts: readonly string[],
  root: SourceNode,
  parts: readonly UpstreamParts[],
  policies: PolicyList,
  files: Files,
  env: Environment,
): Assembled {
  const general = decodeSections(root, env);
  const schemas = schemasOf(policies);
  const inheritedBy = layShared(root, schemas);
  const layConnections = layConnectionKeys(root);
  const effective = parts.map((part) => ({
    ...layPolicies(part, inheritedBy(part), schemas),
    connections: layConnections(part),
  }));
  const decode = createDecoder();
  // The schemas say what has been decoded, which the type checker cannot follow.
  const settle = (laid: EffectiveMap) =>
    fillFiles(decode(laid, schemas), policies, files) as PolicySettings;
  const settleShared = shareEqual(schemas, settle);
  const decodeConnections = createConnectionsDecoder();
  const upstreams = parts.map((part, i) => {
    const laid = effective[i]!;
    const own = settleShared(inheritedBy(part), part.node, () => laid.policies);
    const connections = decodeConnections(laid.connections);
    return toUpstreamConfig(part, laid, own, connections, settleShared);
  });
  const describe = () => {
    const toNotation = createNotation();
    const described = parts.map(
      (part, i) => [part.name, toDocument(part, effective[i]!, toNotation)] as const,
    );
    return deepFreeze({ ...general.document, upstreams: Object.fromEntries(described) });
  };
  const tlsFiles = [...new Set(parts.flatMap((part) => part.tlsFiles))];
  const hash = hashContent(texts, parts, files);
  const settled = deepFreeze({ file, hash, ...general.config, upstreams, tlsFiles });
  let document: Config['document'] | undefined;
  const config: Config = Object.freeze({
    ...settled,
    // Only once it is asked for: it is as large as all the rest.
    get document() {
      return (document ??= describe());
    },
  });
  return { config, effective, root };
}

function addressOf(written: unknown): Address {
  const read = parseAddress(written as string | number);
  if ('problem' in read) throw new Error(read.problem);
  return read.value;
}

function decodeSections(root: SourceNode, env: Environment) {
  const schemas = Object.fromEntries(
    Object.entries(sections).map(([name, schema]) => [name, schema]),
  );
  const effective = layKeysOver(builtInOf(schemas), root, schemas, own);
  const { admin, server, stores, tracing, ...rest } = createDecoder()(effective, schemas) as {
    admin: { listen: unknown; metrics?: unknown; token?: string };
    server: { listen: unknown };
    stores: StoreSection;
    tracing: TracingSection;
  } & Pick<Config, 'log' | 'shutdown' | 'limits' | 'overload'>;
  const document = createNotation()(effective) as {
    admin: { token?: string };
    stores: Record<string, unknown>;
    tracing: { sample?: unknown };
  };
  const isWritten = valueOf(root, 'tracing') !== undefined;
  const traces = readTracing(tracing, isWritten, env);
  return {
    config: {
      admin: {
        listen: addressOf(admin.listen),
        metrics: admin.metrics === undefined ? undefined : addressOf(admin.metrics),
        token: admin.token,
      },
      server: { listen: addressOf(server.listen) },
      stores: storeConfigOf(stores),
      tracing: traces.config,
      tracingOffBecause: traces.offBecause,
      ...rest,
    },
    document: {
      ...document,
      admin: redact(document.admin, 'token'),
      stores: storeDocument(document.stores),
      tracing: tracingDocument(traces.config, document.tracing.sample ?? 'parent'),
    },
  };
}

function redact(options: Readonly<Record<string, unknown>>, key: string): Record<string, unknown> {
  return Object.hasOwn(options, key) ? { ...options, [key]: '***' } : { ...options };
}

function isTrue(node: SourceNode | undefined): boolean {
  return node?.kind === 'scalar' && node.value === true;
}

function isOff(node: SourceNode | undefined): boolean {
  return node?.kind === 'scalar' && (node.value === 'off' || node.value === false);
}

function toUpstreamConfig(
  parts: UpstreamParts,
  effective: EffectiveUpstream,
  policies: PolicySettings,
  connections: ConnectionOptions,
  settleShared: ReturnType<typeof shareEqual<PolicySettings>>,
): UpstreamConfig {
  const { name, node, listen, prefix, targets, tls } = parts;
  return {
    name,
    listen,
    prefix,
    targets: targets!.map(({ target, weight }) => ({ target, weight })),
    preserveHost: isTrue(valueOf(node, 'preserveHost')),
    earlyHints: !isOff(valueOf(node, 'earlyHints')),
    tls,
    ...connections,
    policies,
    routes: itemsOf(valueOf(node, 'routes')).map((written, i) => {
      const route = effective.routes[i]!;
      const { name, match, writes } = route;
      const policies = settleShared(effective.policies, written, () => route.policies);
      return { name, match, writes, policies };
    }),
  };
}

/** An upstream as the file could have it, with nothing left to inherit. */
function toDocument(
  { node }: UpstreamParts,
  effective: EffectiveUpstream,
  toNotation: ReturnType<typeof createNotation>,
): object {
  const keys: Record<string, unknown> = {};
  for (const key of ['listen', 'prefix', 'target', 'targets', 'profile']) {
    const value = valueOf(node, key);
    if (value !== undefined) keys[key] = toPlain(value);
  }
  const tls = valueOf(node, 'tls');
  const routes = effective.routes.map(({ name, match, policies }) => ({
    name,
    match: Object.fromEntries(Object.entries(match).filter(([, value]) => value !== undefined)),
    ...toNotation(policies),
  }));
  return {
    ...keys,
    preserveHost: isTrue(valueOf(node, 'preserveHost')),
    earlyHints: isOff(valueOf(node, 'earlyHints')) ? 'off' : 'on',
    ...(tls === undefined ? {} : { tls: redact(toPlain(tls) as Record<string, unknown>, 'key') }),
    ...toNotation(effective.connections),
    ...toNotation(effective.policies),
    ...(routes.length === 0 ? {} : { routes }),
  };
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  // Bytes cannot be frozen.
  if (ArrayBuffer.isView(value)) return value;
  Object.freeze(value);
  for (const part of Object.values(value)) deepFreeze(part);
  return value;
}
