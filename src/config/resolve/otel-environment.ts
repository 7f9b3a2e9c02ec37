/** The environment variables of OpenTelemetry that concern traces (OpenTelemetry specification 1.x: OTLP exporter, and SDK environment variables). */
import { protocols, type TraceProtocol } from '../schema/tracing.js';
import type { Environment } from '../syntax/interpolate.js';
import { isHeaderName, isHeaderValue, isOwnHeader } from './header-fields.js';

/** What they say; what cannot be used is ignored, as the specification wants it, and told. */
export interface OtelSettings {
  /** An endpoint is there, and nothing switches traces off. */
  readonly switchesOn: boolean;
  /** Why no traces are sent although an endpoint is written; a part of `problems`. */
  readonly offBecause: readonly string[];
  /** Used as it is. */
  readonly tracesEndpoint: string | undefined;
  /** A base address. */
  readonly endpoint: string | undefined;
  readonly protocol: TraceProtocol | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly resource: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly isCompressed: boolean;
  /** Sentences without values of headers. */
  readonly problems: readonly string[];
}

const DEFAULT_TIMEOUT_MS = 10_000;
const MOST_TIMEOUT_MS = 60_000;

/** @param refused names of headers, in lower case, that cannot be set. */
export function readOtel(env: Environment, refused: ReadonlySet<string>): OtelSettings {
  const problems: string[] = [];
  /** The part of them that is about endpoints. */
  const unusable: string[] = [];
  const ignore = (name: string, why: string) => problems.push(`${name} is ignored because ${why}`);

  /** An empty variable counts as one that is not set. */
  function read(name: string): string | undefined {
    const value = env[name]?.trim();
    return value === '' ? undefined : value;
  }

  /** The one for traces alone, or the one for all signals. */
  function find(option: string): { readonly name: string; readonly value: string } | undefined {
    for (const name of [`OTEL_EXPORTER_OTLP_TRACES_${option}`, `OTEL_EXPORTER_OTLP_${option}`]) {
      const value = read(name);
      if (value !== undefined) return { name, value };
    }
    return undefined;
  }

  function readUrl(name: string): string | undefined {
    const value = read(name);
    if (value === undefined) return undefined;
    if (/^https?:\/\/[^/?#]/i.test(value) && URL.canParse(value)) return new URL(value).href;
    ignore(name, 'it is not a URL that begins with http:// or https://');
    unusable.push(problems.at(-1)!);
    return undefined;
  }

  function readProtocol(): TraceProtocol | undefined {
    const found = find('PROTOCOL');
    if (found === undefined) return undefined;
    const protocol = protocols.find((each) => each === found.value.toLowerCase());
    if (protocol === undefined) {
      ignore(found.name, `spans are sent by ${protocols.join(' or ')} only`);
    }
    return protocol;
  }

  function readTimeout(): number {
    const found = find('TIMEOUT');
    if (found === undefined) return DEFAULT_TIMEOUT_MS;
    const timeoutMs = Number(found.value);
    if (Number.isInteger(timeoutMs) && timeoutMs > 0) return Math.min(timeoutMs, MOST_TIMEOUT_MS);
    ignore(found.name, 'it is not a whole number of milliseconds above 0');
    return DEFAULT_TIMEOUT_MS;
  }

  function readCompression(): boolean {
    const found = find('COMPRESSION');
    const word = found?.value.toLowerCase();
    if (found === undefined || word === 'none') return false;
    if (word === 'gzip') return true;
    ignore(found.name, 'it is neither gzip nor none');
    return false;
  }

  function readHeaders(): Record<string, string> {
    const found = find('HEADERS');
    const pairs = found === undefined ? [] : (readPairs(found.value) ?? []);
    if (found !== undefined && pairs.length === 0) {
      ignore(found.name, 'it is not a list such as name=value,name2=value2, percent-encoded');
    }
    const [usable, others] = splitBy(pairs, (pair) => canBeSent(pair, refused));
    for (const [name] of others) problems.push(`${found!.name}: the header ${name} cannot be sent`);
    return Object.fromEntries(usable);
  }

  function readResource(): Record<string, string> {
    const name = 'OTEL_RESOURCE_ATTRIBUTES';
    const value = read(name);
    const pairs = value === undefined ? [] : readPairs(value);
    // The specification wants all of it discarded.
    if (pairs === undefined) ignore(name, 'it is not a list such as key=value,key2=value2');
    const service = read('OTEL_SERVICE_NAME');
    const attributes = Object.fromEntries(pairs ?? []);
    return service === undefined ? attributes : { ...attributes, 'service.name': service };
  }

  const tracesEndpoint = readUrl('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT');
  const endpoint = readUrl('OTEL_EXPORTER_OTLP_ENDPOINT');
  const isOff =
    read('OTEL_SDK_DISABLED')?.toLowerCase() === 'true' ||
    read('OTEL_TRACES_EXPORTER')?.toLowerCase() === 'none';
  const isWell = isOff || (tracesEndpoint ?? endpoint) !== undefined;
  return {
    switchesOn: !isOff && isWell,
    offBecause: isWell ? [] : unusable,
    tracesEndpoint,
    endpoint,
    protocol: readProtocol(),
    headers: readHeaders(),
    resource: readResource(),
    timeoutMs: readTimeout(),
    isCompressed: readCompression(),
    problems,
  };
}

type Pair = readonly [name: string, value: string];

const canBeSent = ([name, value]: Pair, refused: ReadonlySet<string>) =>
  isHeaderName(name) && isHeaderValue(value) && !isOwnHeader(name.toLowerCase(), refused);

const splitBy = (pairs: readonly Pair[], test: (pair: Pair) => boolean): [Pair[], Pair[]] => [
  pairs.filter((pair) => test(pair)),
  pairs.filter((pair) => !test(pair)),
];

/** `a=b,c=d`, percent-encoded. @returns undefined where a member is not of that form. */
function readPairs(list: string): Pair[] | undefined {
  const pairs: Pair[] = [];
  for (const member of list.split(',')) {
    if (member.trim() === '') continue;
    const at = member.indexOf('=');
    const name = decode(member.slice(0, Math.max(at, 0)).trim());
    const value = decode(member.slice(at + 1).trim());
    if (name === undefined || name === '' || value === undefined) return undefined;
    pairs.push([name, value]);
  }
  return pairs;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
