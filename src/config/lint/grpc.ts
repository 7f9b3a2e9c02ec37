/** Lint rules about settings that do nothing for gRPC calls. */
import { listWords } from '../syntax/diagnostics.js';
import {
  eachScope,
  type Found,
  type LintFile,
  type LintRule,
  type LintUpstream,
  type Offence,
  type Scope,
} from './scope.js';

const GRPC_KEYS = ['retry.grpc', 'retry.grpcStatuses', 'circuitBreaker.failureGrpcStatuses'];

const isOwn = (scope: Scope, key: string) =>
  scope.value(key) !== undefined && !scope.isBuiltIn(key) && scope.place(key).isShared !== true;

/** The upstream itself, and no layer that it shares with others, says something about gRPC. */
const speaksGrpc = ({ connections, own, routes }: LintUpstream) =>
  connections.value('healthCheck.grpc') !== undefined ||
  [own, ...routes].some((scope) => GRPC_KEYS.some((key) => isOwn(scope, key)));

type Source = Readonly<Record<string, unknown>>;

const isUseless = ({ cache, static: fixed }: Source) => cache !== undefined || fixed !== undefined;

function checkFallback(scope: Scope): Offence | undefined {
  const sources = scope.list('fallback') as readonly Source[];
  const at = sources.findIndex(isUseless);
  if (at === -1) return undefined;
  const kinds = [...new Set(sources.filter(isUseless).flatMap(Object.keys))];
  return {
    place: scope.place('fallback', at),
    message: `no gRPC call gets a response from ${listWords(kinds, 'and')}: its status stands in trailers, which they do not have, and nothing tells a stream from a single response; write fallback: [{ upstream: ... }], or give the gRPC methods a route with fallback: off`,
  };
}

function checkIdempotency(scope: Scope): Offence | undefined {
  const methods = scope.list('idempotency.methods');
  if (scope.value('idempotency') === undefined || !methods.includes('POST')) return undefined;
  return {
    place: scope.place('idempotency.methods'),
    message:
      'an idempotency key has no effect on gRPC calls: their responses may be streams, which are not kept; set retry.grpc to idempotent for methods that may be carried out twice, and idempotency to off for the others',
  };
}

const eachGrpcScope =
  (find: (scope: Scope) => Offence | undefined) =>
  (file: LintFile): Found =>
    eachScope(find)({ ...file, upstreams: file.upstreams.filter(speaksGrpc) });

export const grpcRules: readonly LintRule[] = [
  { name: 'grpc-fallback', level: 'warning', check: eachGrpcScope(checkFallback) },
  { name: 'grpc-idempotency', level: 'warning', check: eachGrpcScope(checkIdempotency) },
];
