/** A real browser, Debian's chromium, driven over the DevTools protocol: for tests of the live page and pictures of it. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';
import type { Teardown } from './sidecar.js';

/** Why tests are skipped; false where there is a browser. */
export const withoutBrowser: string | false =
  spawnSync('chromium', ['--version']).status === 0
    ? false
    : 'there is no chromium (the Debian package of that name)';

/** Longest wait for the browser, in ms: the machine may be busy. */
const PATIENCE_MS = 30_000;

type Reply = {
  readonly result?: { readonly [key: string]: unknown };
  readonly error?: { message: string };
};

export interface PageView {
  readonly width: number;
  readonly height: number;
  readonly scheme: 'light' | 'dark';
}

/** One tab. */
export class Tab {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #id = 0;
  /** What the page wrote to its console as errors, violations of its policy included. */
  readonly errors: string[] = [];

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as Reply & {
        readonly id?: number;
        readonly method?: string;
        readonly params?: {
          readonly entry?: { level: string; text: string; url?: string };
          readonly exceptionDetails?: unknown;
        };
      };
      if (message.id !== undefined) this.#waiting.get(message.id)?.(message);
      const { entry, exceptionDetails } = message.params ?? {};
      if (message.method === 'Log.entryAdded' && entry?.level === 'error') {
        this.errors.push(`${entry.text} ${entry.url ?? ''}`);
      }
      if (message.method === 'Runtime.exceptionThrown')
        this.errors.push(JSON.stringify(exceptionDetails));
    });
  }

  async send(method: string, params: object = {}): Promise<{ readonly [key: string]: unknown }> {
    const id = ++this.#id;
    const reply = new Promise<Reply>((resolve) => this.#waiting.set(id, resolve));
    this.#socket.send(JSON.stringify({ id, method, params }));
    const { result = {}, error } = await reply;
    this.#waiting.delete(id);
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  async look({ width, height, scheme }: PageView): Promise<void> {
    await this.send('Emulation.setDeviceMetricsOverride', {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: width < 600,
    });
    await this.send('Emulation.setEmulatedMedia', {
      features: [{ name: 'prefers-color-scheme', value: scheme }],
    });
  }

  async open(url: string): Promise<void> {
    await this.send('Page.enable');
    await this.send('Runtime.enable');
    await this.send('Log.enable');
    await this.send('Page.navigate', { url });
  }

  /** The value of an expression in the page; promises are awaited. */
  async read<Value>(expression: string): Promise<Value> {
    const { result, exceptionDetails } = (await this.send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
      userGesture: true,
    })) as {
      result: { value: Value };
      exceptionDetails?: { exception?: { description?: string } };
    };
    if (exceptionDetails !== undefined)
      throw new Error(exceptionDetails.exception?.description ?? expression);
    return result.value;
  }

  /** Waits until the expression is true. */
  async until(expression: string): Promise<void> {
    const endMs = Date.now() + PATIENCE_MS;
    while (!(await this.read<boolean>(`Boolean(${expression})`).catch(() => false))) {
      if (Date.now() > endMs) {
        const text = await this.read<string>('document.body.innerText').catch(() => '');
        throw new Error(`The page did not get to ${expression}; it shows:\n${text.slice(0, 2000)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async press(key: string, code = key): Promise<void> {
    const text = key === 'Enter' ? '\r' : undefined;
    const common = {
      key,
      code,
      windowsVirtualKeyCode: { Tab: 9, Enter: 13, Escape: 27 }[key] ?? 0,
      text,
    };
    await this.send('Input.dispatchKeyEvent', { type: 'keyDown', ...common });
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', ...common });
  }

  /** PNG. */
  async picture(): Promise<Buffer> {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png' });
    return Buffer.from(data as string, 'base64');
  }
}

async function findAddress(browser: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: browser.stderr! })) {
    const found = /DevTools listening on (ws:\S+)/.exec(line)?.[1];
    if (found !== undefined) return found;
  }
  throw new Error('chromium ended before it listened');
}

/** The last of the killed processes may still be writing there; what is left after a while is left to the system. */
async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }).catch(
    () => {},
  );
}

/** A new browser with one tab; both end with the test. */
export async function openTab(t: Teardown): Promise<Tab> {
  const folder = mkdtempSync(join(tmpdir(), 'breakwater-browser-'));
  const browser = spawn(
    'chromium',
    [
      '--headless',
      // As root in a container there is no other way.
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--hide-scrollbars',
      '--no-first-run',
      `--user-data-dir=${folder}`,
      '--remote-debugging-port=0',
      'about:blank',
    ],
    // A group of its own: its helper processes would go on writing into the folder.
    { stdio: ['ignore', 'ignore', 'pipe'], detached: true },
  );
  const ended = once(browser, 'exit');
  t.teardown(async () => {
    process.kill(-browser.pid!, 'SIGKILL');
    await ended;
    await removeFolder(folder);
  });
  const { host } = new URL(await findAddress(browser));
  browser.stderr!.resume();
  const targets = (await (await fetch(`http://${host}/json/list`)).json()) as {
    type: string;
    webSocketDebuggerUrl: string;
  }[];
  const socket = new WebSocket(targets.find(({ type }) => type === 'page')!.webSocketDebuggerUrl);
  t.teardown(() => socket.terminate());
  await once(socket, 'open');
  return new Tab(socket);
}
