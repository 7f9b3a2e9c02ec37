/** Reads from the sidecar's admin API what the demo shows of it. */

/** The upstream's name in config/demo.yaml. */
export const UPSTREAM = 'catalog';

export interface SidecarState {
  readonly circuit: string;
  /** Since the start. */
  readonly retries: number;
  /** Attempts that got no response in time, since the start. */
  readonly timeouts: number;
  /** Calls that got the last good response instead of a failure, since the start. */
  readonly fallbacks: number;
  readonly active: number;
  readonly queued: number;
  readonly limit: number;
}

interface UpstreamsBody {
  readonly upstreams: readonly {
    readonly name: string;
    readonly circuit: string;
    readonly bulkhead: { readonly active: number; readonly queued: number; readonly limit: number };
  }[];
}

const TIMEOUT_MS = 1000;

/** Undefined while the admin API does not respond. */
export async function readSidecar(adminPort: number): Promise<SidecarState | undefined> {
  try {
    const [upstreams, metrics] = await Promise.all([
      read(adminPort, '/upstreams').then((response) => response.json()),
      read(adminPort, '/metrics').then((response) => response.text()),
    ]);
    const upstream = (upstreams as UpstreamsBody).upstreams.find(({ name }) => name === UPSTREAM);
    if (upstream === undefined) return undefined;
    const { circuit, bulkhead } = upstream;
    return {
      circuit,
      retries: sum(metrics, 'breakwater_retries_total'),
      timeouts: sum(metrics, 'breakwater_attempts_total', 'outcome="timeout"'),
      fallbacks: sum(metrics, 'breakwater_fallbacks_total'),
      ...bulkhead,
    };
  } catch {
    return undefined;
  }
}

export async function isReady(adminPort: number): Promise<boolean> {
  try {
    return (await read(adminPort, '/readyz')).ok;
  } catch {
    return false;
  }
}

function read(port: number, path: string): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
}

/** Over all label sets of a metric in Prometheus' text format that have a label. */
function sum(metrics: string, name: string, label = ''): number {
  return metrics
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) && line.includes(label))
    .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);
}
