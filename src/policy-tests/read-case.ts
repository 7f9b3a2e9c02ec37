/** One case of a test file: its script, its requests, and what is expected of them. */
import type { Config } from '../config/config.js';
import { unknownUpstream } from '../config/explain.js';
import { didYouMean, listWords, type Findings, type Path } from '../config/syntax/diagnostics.js';
import {
  entriesOf,
  entryOf,
  itemsOf,
  textOf,
  toPlain,
  valueOf,
  type SourceNode,
} from '../config/syntax/source.js';
import { parseDuration } from '../config/schema/units.js';
import { plural } from '../lib/plural.js';
import { isGrpcType } from '../http/grpc.js';
import type { Fields } from '../http/fields.js';
import { firstValue } from '../http/fields.js';
import { reasons } from '../policies/index.js';
import type { ScriptStep } from '../simulation/scripted-server.js';
import type { Expectation, TestCase, TestRequest } from './test-case.js';

type Plain = Readonly<Record<string, unknown>>;

const plainOf = (node: SourceNode) => toPlain(node) as Plain;

/** A duration that the schema has checked. */
const durationOf = (value: unknown): number =>
  typeof value === 'string' ? (parseDuration(value) ?? 0) : 0;

const fieldsOf = (value: unknown): string[] =>
  Object.entries((value ?? {}) as Plain).flatMap(([name, each]) =>
    (Array.isArray(each) ? each : [each]).flatMap((part) => [name, String(part)]),
  );

/** What an attempt ends with: at most one of them. */
const ENDS = ['reset', 'refuse', 'hang'] as const;
const PARTS_OF_RESPONSE = ['status', 'headers', 'body', 'trailers'] as const;

function readStep(node: SourceNode, path: Path, findings: Findings): ScriptStep {
  const { status = 200, headers, body = '', trailers, delay, ...ends } = plainOf(node);
  const delayMs = durationOf(delay);
  const [kind, ...others] = ENDS.filter((each) => ends[each] === true);
  if (kind === undefined) {
    const response = {
      status: Number(status),
      headers: fieldsOf(headers),
      body: Buffer.from(String(body)),
      trailers: fieldsOf(trailers),
    };
    return { kind: 'respond', delayMs, response };
  }
  const extra = [...others, ...PARTS_OF_RESPONSE].find((key) => entryOf(node, key) !== undefined);
  if (extra !== undefined) {
    const { key } = entryOf(node, extra)!;
    findings.error(
      'wrong-value',
      key,
      [...path, extra],
      `stands beside ${kind}; an attempt has one end`,
    );
  }
  return { kind, delayMs };
}

/** Without an entry the upstream responds 200. */
function readScript(node: SourceNode | undefined, path: Path, findings: Findings): ScriptStep[] {
  const steps = itemsOf(node).map((item, i) => readStep(item, [...path, i], findings));
  return steps.length > 0 ? steps : [{ kind: 'respond', delayMs: 0, response: { status: 200 } }];
}

function readRequest(node: SourceNode | undefined): TestRequest {
  const { at, method = 'GET', path = '/', headers, body } = node === undefined ? {} : plainOf(node);
  const fields: Fields = fieldsOf(headers);
  return {
    atMs: durationOf(at),
    method: String(method),
    target: String(path),
    fields,
    host: firstValue(fields, 'host') ?? 'localhost',
    ...(body === undefined ? {} : { body: Buffer.from(body as string) }),
    ...(isGrpcType(firstValue(fields, 'content-type')) ? { protocolVersion: '2.0' } : {}),
  };
}

/** What a response of the upstream has for a reason. */
const NO_REASON = 'none';

function checkReason(node: SourceNode, path: Path, findings: Findings): void {
  const written = valueOf(node, 'reason');
  const reason = textOf(written);
  const known = [...Object.keys(reasons), NO_REASON];
  if (reason === undefined || known.includes(reason)) return;
  const message = `no response has the reason ${JSON.stringify(reason)};${didYouMean(reason, known)} there are ${listWords(known.toSorted(), 'and')}`;
  findings.error('wrong-value', written!.position, [...path, 'reason'], message);
}

function readExpectation(node: SourceNode): Expectation {
  const { within, headers, ...rest } = plainOf(node);
  return {
    position: node.position,
    ...(rest as Omit<Expectation, 'position' | 'headers'>),
    ...(within === undefined ? {} : { withinMs: durationOf(within) }),
    ...(headers === undefined
      ? {}
      : {
          headers: Object.entries(headers as Plain).map(
            ([name, value]) => [name, typeof value === 'boolean' ? value : String(value)] as const,
          ),
        }),
  };
}

/** Undefined where there is none of that name, or it is not clear which is meant; `findings` has the error. */
function findUpstream(
  node: SourceNode,
  config: Config,
  path: Path,
  findings: Findings,
): string | undefined {
  const written = valueOf(node, 'upstream');
  const names = config.upstreams.map(({ name }) => name);
  if (written === undefined) {
    if (names.length === 1) return names[0];
    const message = `the key \`upstream\` is missing: the configuration has ${names.join(', ')}`;
    findings.error('missing-key', node.position, path, message);
    return undefined;
  }
  const name = String(toPlain(written));
  if (names.includes(name)) return name;
  findings.error(
    'wrong-value',
    written.position,
    [...path, 'upstream'],
    unknownUpstream(name, config.upstreams),
  );
  return undefined;
}

/**
 * @param node a case that the schema has checked.
 * @returns undefined where it has an error; `findings` has it.
 */
export function readCase(
  node: SourceNode,
  config: Config,
  path: Path,
  findings: Findings,
): TestCase | undefined {
  const upstream = findUpstream(node, config, path, findings);
  if (upstream === undefined) return undefined;
  const scripts = new Map([
    [upstream, readScript(valueOf(node, 'given'), [...path, 'given'], findings)],
  ]);
  for (const [name, { key, value }] of entriesOf(valueOf(node, 'others'))) {
    if (!config.upstreams.some((each) => each.name === name)) {
      findings.error(
        'wrong-name',
        key,
        [...path, 'others', name],
        unknownUpstream(name, config.upstreams),
      );
    }
    scripts.set(name, readScript(value, [...path, 'others', name], findings));
  }
  const written = valueOf(node, 'when');
  const requests =
    written === undefined ? [readRequest(undefined)] : itemsOf(written).map(readRequest);
  const late = requests.findIndex((request, i) => i > 0 && request.atMs < requests[i - 1]!.atMs);
  if (late !== -1) {
    const { position } = itemsOf(written)[late]!;
    const message =
      'comes before the request above it; write the requests in the order of their times';
    findings.error('wrong-value', position, [...path, 'when', late], message);
  }
  const then = valueOf(node, 'then')!;
  const isList = then.kind === 'list';
  if (isList && then.items.length !== requests.length) {
    const message = `has ${plural(then.items.length, 'entry', 'entries')} for ${plural(requests.length, 'request')}; write one for each, or a single mapping for the last one`;
    findings.error('wrong-value', then.position, [...path, 'then'], message);
  }
  const expectations = isList
    ? then.items.map(readExpectation)
    : requests.map((_, i) => (i === requests.length - 1 ? readExpectation(then) : undefined));
  for (const [i, each] of (isList ? then.items : [then]).entries()) {
    checkReason(each, isList ? [...path, 'then', i] : [...path, 'then'], findings);
  }
  const name = String(toPlain(valueOf(node, 'name')!));
  return { name, position: node.position, config, upstream, scripts, requests, expectations };
}
