/** Brings the messages of `GET /events` from an admin server, and connects again when it loses it. */
import { request as requestPlain, type IncomingMessage } from 'node:http';
import { request as requestSecure } from 'node:https';
import type { Message } from '../../admin/page/model.js';
import type { AdminAddress } from './admin-address.js';
import { EventReader } from './events.js';

/** In ms. */
export interface FeedTimes {
  /** Until the response begins. */
  readonly patience: number;
  /** Without a byte: the server sends a comment every 10 s. */
  readonly silence: number;
  /** Before it connects again. */
  readonly pause: number;
  /** Between polls, where the stream has too many readers. */
  readonly poll: number;
}

export const feedTimes: FeedTimes = { patience: 5000, silence: 25_000, pause: 2000, poll: 5000 };

/** After so many polls the stream is tried again. */
const POLLS = 6;

export interface FeedHandler {
  /** @param isAll the message has every upstream. */
  onMessage(message: Message, isAll: boolean, way: 'stream' | 'polls'): void;
  /** It tries again. @param why the end of a sentence. */
  onLost(why: string): void;
}

const causes: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOENT: 'there is no such socket',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the name cannot be looked up now',
  ECONNRESET: 'the connection broke off',
  EACCES: 'this user may not use the socket',
};

/** @returns the end of a sentence. */
export function describeError(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return causes[code] ?? (message || code);
}

/** Ends what it asked for when it is told to. */
export class Feed {
  readonly #address: AdminAddress;
  readonly #times: FeedTimes;
  readonly #abort = new AbortController();

  constructor(address: AdminAddress, times = feedTimes) {
    this.#address = address;
    this.#times = times;
  }

  stop(): void {
    this.#abort.abort();
  }

  /** All that there is now. @throws an error whose message is the end of a sentence. */
  async readOnce(): Promise<Message> {
    const response = await this.#get('application/json');
    let text = '';
    for await (const piece of response) text += String(piece);
    return readMessage(text);
  }

  /** Until it is stopped. */
  async follow(handler: FeedHandler): Promise<void> {
    while (!this.#abort.signal.aborted) {
      try {
        await this.#stream(handler);
      } catch (error) {
        if (this.#abort.signal.aborted) return;
        if (error instanceof Crowded) await this.#poll(handler);
        else {
          handler.onLost(describeError(error));
          await this.#wait(this.#times.pause);
        }
      }
    }
  }

  async #stream(handler: FeedHandler): Promise<never> {
    const response = await this.#get('text/event-stream');
    const reader = new EventReader(({ type, data }) => {
      if (this.#abort.signal.aborted) return;
      if (type === 'state' || type === 'update')
        handler.onMessage(readMessage(data), type === 'state', 'stream');
    });
    for await (const piece of response) reader.push(String(piece));
    throw new Error('the connection was closed');
  }

  async #poll(handler: FeedHandler): Promise<void> {
    for (let i = 0; i < POLLS && !this.#abort.signal.aborted; i++) {
      handler.onMessage(await this.readOnce(), true, 'polls');
      await this.#wait(this.#times.poll);
    }
  }

  /** @returns a response with 200, whose text is to be read. */
  #get(accept: string): Promise<IncomingMessage> {
    const { isSecure, optionsFor } = this.#address;
    const { patience, silence } = this.#times;
    return new Promise((resolve, reject) => {
      const request = (isSecure ? requestSecure : requestPlain)({
        ...optionsFor('/events'),
        headers: { Accept: accept },
        agent: false,
        signal: this.#abort.signal,
      });
      const timer = setTimeout(
        () => request.destroy(new Error(`there was no response within ${patience / 1000} s`)),
        patience,
      );
      request.on('error', reject);
      request.on('close', () => clearTimeout(timer));
      request.on('response', (response) => {
        clearTimeout(timer);
        const { statusCode, headers } = response;
        const isRight = (headers['content-type'] ?? '').startsWith(accept);
        if (statusCode === 200 && isRight) {
          response.setEncoding('utf8');
          request.setTimeout(silence, () =>
            response.destroy(new Error(`nothing has come for ${silence / 1000} s`)),
          );
          resolve(response);
          return;
        }
        response.resume();
        if (statusCode === 503 && accept === 'text/event-stream') reject(new Crowded());
        else
          reject(new Error(isRight || statusCode !== 200 ? `it responded ${statusCode}` : ALIEN));
      });
      request.end();
    });
  }

  #wait(ms: number): Promise<void> {
    const { signal } = this.#abort;
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end);
    });
  }
}

/** The stream has too many readers. */
class Crowded extends Error {}

const ALIEN = 'what responded is not the admin server of a Breakwater';

function readMessage(text: string): Message {
  let message: Partial<Message>;
  try {
    message = JSON.parse(text) as Partial<Message>;
  } catch {
    throw new Error(ALIEN);
  }
  if (!Array.isArray(message.upstreams) || message.process === undefined) throw new Error(ALIEN);
  return message as Message;
}
