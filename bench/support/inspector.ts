/** What a Node.js program allocates and holds, asked of its inspector (Chrome DevTools protocol). */
import { WebSocket } from 'undici';
import { pause } from './program.js';

/** Bytes of which V8 samples one, on average. */
const SAMPLING_INTERVAL = 16 * 1024;

export interface Allocation {
  /** Function and place. */
  readonly name: string;
  readonly bytes: number;
}

interface ProfileNode {
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
  };
  readonly selfSize: number;
  readonly children: readonly ProfileNode[];
}

/** @param port that the program was given with `--inspect`. */
export async function connectInspector(port: number): Promise<Inspector> {
  const targets = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
  const [target] = targets as { readonly webSocketDebuggerUrl: string }[];
  const socket = new WebSocket(target!.webSocketDebuggerUrl);
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', reject);
  });
  return new Inspector(socket);
}

export class Inspector {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (result: unknown) => void>();
  #lastId = 0;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const { id, result } = JSON.parse(String(data)) as { id?: number; result?: unknown };
      if (id !== undefined) this.#waiting.get(id)?.(result);
    });
  }

  /**
   * Runs `during` and tells what was allocated meanwhile on the JavaScript heap, whether or not it is garbage by now, from
   * the largest on. Estimated from samples; the contents of Buffers are elsewhere and do not count.
   */
  async allocations(during: () => Promise<void>): Promise<readonly Allocation[]> {
    await this.#send('HeapProfiler.enable');
    await this.#send('HeapProfiler.startSampling', {
      samplingInterval: SAMPLING_INTERVAL,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    });
    await during();
    const { profile } = (await this.#send('HeapProfiler.stopSampling')) as {
      profile: { head: ProfileNode };
    };
    const sums = new Map<string, number>();
    const add = ({ callFrame, selfSize, children }: ProfileNode): void => {
      const { functionName, url, lineNumber } = callFrame;
      const file = url.replace(/^.*\/(?:node_modules|dist\/src)\//, '').replace(/^file:.*\//, '');
      const place = file === '' ? '' : ` ${file}:${lineNumber + 1}`;
      const name = `${functionName === '' ? '(anonymous)' : functionName}${place}`;
      sums.set(name, (sums.get(name) ?? 0) + selfSize);
      for (const child of children) add(child);
    };
    add(profile.head);
    return [...sums]
      .map(([name, bytes]) => ({ name, bytes }))
      .toSorted((a, b) => b.bytes - a.bytes);
  }

  /** Collects all garbage. */
  async collectGarbage(): Promise<void> {
    await this.#send('HeapProfiler.enable');
    await this.#send('HeapProfiler.collectGarbage');
  }

  /** @param expression runs in the program's global scope. Its value must be one that JSON can hold. */
  async evaluate(expression: string): Promise<unknown> {
    const response = await this.#send('Runtime.evaluate', { expression, returnByValue: true });
    return (response as { result: { value?: unknown } }).result.value;
  }

  async close(): Promise<void> {
    this.#socket.close();
    // The program under measurement has to see it, too, before it is asked to end.
    await pause(50);
  }

  #send(method: string, params: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      this.#waiting.set(id, (result) => {
        this.#waiting.delete(id);
        resolve(result);
      });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }
}
