/** Brings the numbers: by the stream, or, where that cannot be had, by asking again and again. */
import type { Message } from './model.js';

export interface FeedHandler {
  onMessage(message: Message, isAll: boolean): void;
  onState(state: 'live' | 'polling' | 'lost'): void;
}

const POLL_MS = 5000;
/** After so many polls the stream is tried again. */
const POLLS = 6;

export function openFeed(handler: FeedHandler): void {
  const source = new EventSource('/events');
  const take = (isAll: boolean) => (event: MessageEvent<string>) => {
    handler.onState('live');
    handler.onMessage(JSON.parse(event.data) as Message, isAll);
  };
  source.addEventListener('state', take(true));
  source.addEventListener('update', take(false));
  source.addEventListener('error', () => {
    handler.onState('lost');
    // Otherwise the browser connects again by itself.
    if (source.readyState === EventSource.CLOSED) void poll(handler, POLLS);
  });
}

async function poll(handler: FeedHandler, left: number): Promise<void> {
  try {
    const response = await fetch('/events', { headers: { Accept: 'application/json' } });
    if (!response.ok) throw new Error(String(response.status));
    handler.onMessage((await response.json()) as Message, true);
    handler.onState('polling');
  } catch {
    handler.onState('lost');
  }
  window.setTimeout(() => (left > 0 ? void poll(handler, left - 1) : openFeed(handler)), POLL_MS);
}
