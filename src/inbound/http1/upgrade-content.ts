/** The content of a request that asks for an upgrade: Node up to 24 leaves it unparsed, Node 26 parses it. */
import { createServer, type IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';

const SAMPLE =
  'POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: a\r\nContent-Length: 1\r\n\r\na';

class Sample extends Duplex {
  override _read(): void {}

  // As a socket has it.
  setTimeout(): void {}
}

function parseSample(): boolean {
  let isParsed = false;
  const server = createServer();
  server.on('upgrade', (_request: IncomingMessage, _socket: Duplex, rest: Buffer) => {
    isParsed = rest.length === 0;
  });
  const sample = new Sample();
  server.emit('connection', sample);
  // The parser is given it before this returns.
  sample.emit('data', Buffer.from(SAMPLE));
  sample.destroy();
  return isParsed;
}

let isParsed: boolean | undefined;

/**
 * Whether the request of Node's `upgrade` event carries its own content. If not, the content comes unparsed with what
 * follows. The event itself does not always tell: an empty chunked body leaves no trace in the request.
 */
export const isContentParsed = (): boolean => (isParsed ??= parseSample());

/** The client expects something other than `100 Continue`, as Node decides that for a plain request. */
export function hasOtherExpectation({ headers, httpVersion }: IncomingMessage): boolean {
  const { expect } = headers;
  if (expect === undefined || httpVersion !== '1.1') return false;
  return !/(?:^|\W)100-continue(?:$|\W)/i.test(expect);
}
