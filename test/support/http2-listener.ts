/** The HTTP/2 side of a listener on a real port, whose requests go to the test instead of an exchange. */
import net, { type AddressInfo } from 'node:net';
import type { Clock } from '../../src/core/clock.js';
import type { Entrance } from '../../src/inbound/entrance.js';
import { Http2Side, type Http2Context } from '../../src/inbound/http2/listener.js';
import type { ListenerLimits } from '../../src/inbound/listener.js';
import type { InboundStream, StreamHandler } from '../../src/inbound/stream.js';
import { createSystemClock } from '../../src/platform/system-clock.js';
import type { Teardown } from './sidecar.js';

export interface TestListener {
  readonly port: number;
  readonly side: Http2Side;
  /** Requests so far, with what became of them. */
  readonly requests: TestRequest[];
  /** Statuses of requests that were refused. */
  readonly refused: number[];
  /** Reasons for which connections were closed. */
  readonly closed: string[];
}

export class TestRequest implements StreamHandler {
  readonly stream: InboundStream;
  drains = 0;
  closes = 0;
  body = '';
  hasBody = false;

  constructor(stream: InboundStream) {
    this.stream = stream;
    stream.listen(this);
  }

  /** Reads the body on. */
  read(): void {
    this.stream.body!.sendTo({
      onData: (chunk) => (this.body += chunk.toString()),
      onEnd: () => (this.hasBody = true),
    });
  }

  onDrain(): void {
    this.drains += 1;
  }

  onMalformed(): void {}

  onClose(): void {
    this.closes += 1;
  }
}

export async function startHttp2(
  t: Teardown,
  onRequest: (request: TestRequest) => void = () => {},
  limits: Partial<ListenerLimits> = {},
  clock: Clock = createSystemClock(),
): Promise<TestListener> {
  const requests: TestRequest[] = [];
  const refused: number[] = [];
  const closed: string[] = [];
  const entrance = {
    exchangeOf: (stream: InboundStream) => ({
      start() {
        const request = new TestRequest(stream);
        requests.push(request);
        onRequest(request);
      },
    }),
  } as unknown as Entrance;
  const side = new Http2Side(
    {
      clock,
      onRefused: (status: number) => void refused.push(status),
      onConnectionClosed: (reason: string) => void closed.push(reason),
    } as unknown as Http2Context,
    entrance,
  );
  side.configure({
    headerTimeout: 10_000,
    keepAlive: 75_000,
    maxHeaderSize: 32_768,
    maxConnections: 'off',
    ...limits,
  });
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.once('readable', () => side.take(socket));
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => {
    side.closeAll();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, side, requests, refused, closed };
}
