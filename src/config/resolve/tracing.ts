/** `tracing`: checks beyond the schema, and what the environment says where the file says nothing. */
import type { TraceProtocol, TracingSection } from '../schema/tracing.js';
import type { Findings, Path } from '../syntax/diagnostics.js';
import type { Environment } from '../syntax/interpolate.js';
import { textOf, valueOf, type SourceNode } from '../syntax/source.js';
import { quoteUrl } from './addresses/address.js';
import { checkHeaders } from './header-fields.js';
import { readOtel, type OtelSettings } from './otel-environment.js';

/** Where spans go, and which. */
export interface TracingConfig {
  /** The whole URL that spans are posted to. It may hold a password, if it is from the environment. */
  readonly url: string;
  readonly protocol: TraceProtocol;
  /** Share 0..1 of the calls without a trace; those with one follow their caller. */
  readonly sample: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Attributes of the process, `service.name` among them. */
  readonly resource: Readonly<Record<string, string>>;
  /** Longest time for one request, in ms. */
  readonly timeoutMs: number;
  readonly isCompressed: boolean;
  /** Environment variables that are ignored, and why. */
  readonly problems: readonly string[];
}

const TRACES_PATH = '/v1/traces';
const DEFAULT_ENDPOINT = 'http://127.0.0.1:4318';
const DEFAULT_PROTOCOL: TraceProtocol = 'http/protobuf';
const DEFAULT_SERVICE = 'breakwater';

/** Follow from what is sent. */
const ownHeaders: ReadonlySet<string> = new Set([
  'content-type',
  'content-encoding',
  'expect',
  'host',
]);

const ENDPOINT_FORM = 'a URL that begins with http:// or https://, such as http://127.0.0.1:4318';

function endpointProblem(text: string): string | undefined {
  if (/^([^/?#]*\/\/)?[^/?#]*@/.test(text)) {
    return 'must not contain a user name or password; send credentials in `headers`';
  }
  if (!/^https?:\/\/[^/?#]/i.test(text) || !URL.canParse(text)) {
    const guess = /^[\w.-]+(:\d+)?(\/|$)/.test(text) ? `; did you mean "http://${text}"?` : '';
    return `must be ${ENDPOINT_FORM}, but is ${quoteUrl(text)}${guess}`;
  }
  if (/[?#]/.test(text)) return 'must not contain a query (?) or a fragment (#)';
  if (/\/v1\/traces\/*$/.test(text)) {
    return `must be without ${TRACES_PATH}, which is appended; did you mean ${JSON.stringify(text.replace(/\/v1\/traces\/*$/, ''))}?`;
  }
  return undefined;
}

/** Checks the section; what is wrong is in `findings`. */
export function checkTracing(root: SourceNode, findings: Findings): void {
  const node = valueOf(root, 'tracing');
  const path: Path = ['tracing'];
  const endpoint = valueOf(node, 'endpoint');
  const text = textOf(endpoint);
  const problem = text === undefined ? undefined : endpointProblem(text);
  if (problem !== undefined) {
    findings.error('tracing', endpoint!.position, [...path, 'endpoint'], problem);
  }
  const headers = valueOf(node, 'headers');
  if (headers !== undefined) checkHeaders(headers, [...path, 'headers'], findings, ownHeaders);
}

const withTracesPath = (base: string) => {
  const url = new URL(base);
  url.pathname = url.pathname.replace(/\/+$/, '') + TRACES_PATH;
  return url.href;
};

function urlOf(written: string | undefined, { tracesEndpoint, endpoint }: OtelSettings): string {
  if (written !== undefined) return withTracesPath(written);
  return tracesEndpoint ?? withTracesPath(endpoint ?? DEFAULT_ENDPOINT);
}

export interface Tracing {
  /** Undefined while it is off. */
  readonly config: TracingConfig | undefined;
  /** Why it is off although the environment has an endpoint. */
  readonly offBecause: readonly string[];
}

/**
 * The section with what it leaves out.
 * @param isWritten the file has the key. Without it, an endpoint in the environment switches tracing on.
 */
export function readTracing(
  section: TracingSection,
  isWritten: boolean,
  env: Environment,
): Tracing {
  if (section === 'off' && isWritten) return { config: undefined, offBecause: [] };
  const otel = readOtel(env, ownHeaders);
  const { offBecause } = otel;
  if (section === 'off' && !otel.switchesOn) return { config: undefined, offBecause };
  return { config: tracingConfigOf(section, otel), offBecause: [] };
}

function tracingConfigOf(section: TracingSection, otel: OtelSettings): TracingConfig {
  const written: Partial<Exclude<TracingSection, 'off'>> = section === 'off' ? {} : section;
  const { sample = 'parent', headers = {}, serviceName } = written;
  const service = serviceName ?? otel.resource['service.name'] ?? DEFAULT_SERVICE;
  return {
    url: urlOf(written.endpoint, otel),
    protocol: written.protocol ?? otel.protocol ?? DEFAULT_PROTOCOL,
    sample: sample === 'parent' ? 0 : sample,
    headers: layHeaders(otel.headers, headers),
    resource: { ...otel.resource, 'service.name': service },
    timeoutMs: otel.timeoutMs,
    isCompressed: otel.isCompressed,
    problems: otel.problems,
  };
}

/** Those of the file over others of the same name, in whatever case. */
function layHeaders(
  under: Readonly<Record<string, string>>,
  over: Readonly<Record<string, string | number>>,
): Record<string, string> {
  const written = Object.entries(over).map(([name, value]) => [name, String(value)] as const);
  const names = new Set(written.map(([name]) => name.toLowerCase()));
  const others = Object.entries(under).filter(([name]) => !names.has(name.toLowerCase()));
  return Object.fromEntries([...others, ...written]);
}

/** Where spans go, without a password and without a query. */
export function showUrl(href: string): string {
  const url = new URL(href);
  return `${url.origin}${url.pathname}`;
}

/** As it may be shown: without the values of headers. @param sample in the file's notation. */
export function tracingDocument(config: TracingConfig | undefined, sample: unknown): unknown {
  if (config === undefined) return 'off';
  const { url, protocol, headers, resource } = config;
  return {
    endpoint: showUrl(url).replace(/\/v1\/traces$/, ''),
    protocol,
    sample,
    headers: Object.fromEntries(Object.keys(headers).map((name) => [name, '***'])),
    serviceName: resource['service.name'],
  };
}
