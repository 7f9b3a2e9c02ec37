/** Sends one command to a Redis server or sentinel, without a client. */
import { connect } from 'node:net';

/** Longest wait for the reply, in ms: a server may be frozen, and the machine may be busy. */
const PATIENCE_MS = 10_000;

/** @returns the raw reply. */
export const commandAt = (port: number, ...words: string[]) =>
  new Promise<string>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
      socket.write(`*${words.length}\r\n${parts.join('')}`);
    });
    let reply = '';
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error(`no reply to ${words[0]}`)));
    socket.on('error', reject);
    socket.on('data', (data) => {
      reply += data.toString('latin1');
      // Long replies come in several pieces.
      if (!isWhole(reply)) return;
      socket.destroy();
      resolve(reply);
    });
  });

function isWhole(reply: string): boolean {
  return endOf(reply, 0) !== undefined;
}

/** Where the value that begins at `start` ends; undefined if it is not whole. */
function endOf(reply: string, start: number): number | undefined {
  const lineEnd = reply.indexOf('\r\n', start);
  if (lineEnd === -1) return undefined;
  const length = Number(reply.slice(start + 1, lineEnd));
  const after = lineEnd + 2;
  if (reply[start] === '$') {
    if (length < 0) return after;
    return reply.length >= after + length + 2 ? after + length + 2 : undefined;
  }
  if (reply[start] !== '*') return after;
  let end: number | undefined = after;
  for (let i = 0; i < length && end !== undefined; i++) end = endOf(reply, end);
  return end;
}
