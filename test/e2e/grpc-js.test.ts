/** Calls of a real gRPC client to a real gRPC server, both of @grpc/grpc-js, through a real sidecar. */
import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  status,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
} from '@grpc/grpc-js';
import t from 'tap';
import {
  eventually,
  findFreePort,
  NO_PORT,
  startSidecar,
  type Teardown,
} from '../support/sidecar.js';

interface Handlers {
  readonly unary?: handleUnaryCall<string, string>;
  readonly collect?: handleClientStreamingCall<string, string>;
  readonly list?: handleServerStreamingCall<string, string>;
  readonly chat?: handleBidiStreamingCall<string, string>;
}

const write = (text: string) => Buffer.from(text);
const read = (bytes: Buffer) => bytes.toString();

const method = (path: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/test.Echo/${path}`,
  requestStream,
  responseStream,
  requestSerialize: write,
  requestDeserialize: read,
  responseSerialize: write,
  responseDeserialize: read,
});

const service = {
  unary: method('Unary', false, false),
  collect: method('Collect', true, false),
  list: method('List', false, true),
  chat: method('Chat', true, true),
};

/** @param port 0 for a free one. */
async function serve(t: Teardown, handlers: Handlers, port = 0) {
  const server = new Server();
  server.addService(service, { ...handlers });
  const bound = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  t.teardown(() => server.forceShutdown());
  return { port: bound, url: `http://127.0.0.1:${bound}`, stop: () => server.forceShutdown() };
}

interface Ended {
  readonly code: status;
  readonly text: string;
  readonly value: string | undefined;
  /** Trailers, or the fields of a trailers-only response. */
  readonly metadata: Metadata;
}

class Caller {
  readonly client: Client;

  constructor(t: Teardown, port: number) {
    // A connection of its own, and no wait before a new one.
    this.client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.initial_reconnect_backoff_ms': 100,
    });
    t.teardown(() => this.client.close());
  }

  unary(text: string, { metadata = new Metadata(), deadlineMs = 10_000 } = {}): Promise<Ended> {
    return new Promise((resolve) => {
      const deadline = Date.now() + deadlineMs;
      const { path } = service.unary;
      let value: string | undefined;
      this.client
        .makeUnaryRequest(path, write, read, text, metadata, { deadline }, (_error, response) => {
          value = response;
        })
        .on('status', ({ code, details, metadata }) =>
          resolve({ code, text: details, value, metadata }),
        );
    });
  }
}

const upstream = (url: string, more = '') =>
  `upstreams: { a: { listen: 0, target: "${url}"${more} } }`;

async function start(t: Teardown, handlers: Handlers, more = '') {
  const server = await serve(t, handlers);
  const sidecar = await startSidecar(t, upstream(server.url, more));
  return { server, sidecar, caller: new Caller(t, sidecar.port('a')) };
}

const echo: Handlers = { unary: ({ request }, callback) => callback(null, `${request}!`) };

t.test('a unary call passes with metadata in both directions', async (t) => {
  const { caller, sidecar } = await start(t, {
    unary({ request, metadata }, callback) {
      const trailers = new Metadata();
      trailers.set('x-sum-bin', metadata.get('x-key-bin')[0]!);
      callback(null, `${request} ${metadata.get('x-user').join()}`, trailers);
    },
  });
  const metadata = new Metadata();
  metadata.set('x-user', 'ann');
  metadata.set('x-key-bin', Buffer.from([0, 255, 10]));
  const { code, value, metadata: trailers } = await caller.unary('hello', { metadata });
  t.same({ code, value }, { code: status.OK, value: 'hello ann' });
  t.same(trailers.get('x-sum-bin'), [Buffer.from([0, 255, 10])]);
  t.equal(await sidecar.metric('breakwater_grpc_requests_total', { code: 'OK' }), 1);
});

t.test('all three kinds of streams pass', async (t) => {
  const { caller } = await start(t, {
    collect(call, callback) {
      const seen: string[] = [];
      call.on('data', (text: string) => seen.push(text));
      call.on('end', () => callback(null, seen.join('+')));
    },
    list(call) {
      for (let i = 0; i < 3; i++) call.write(`${call.request}${i}`);
      call.end();
    },
    chat(call) {
      call.on('data', (text: string) => call.write(text.toUpperCase()));
      call.on('end', () => call.end());
    },
  });
  const { client } = caller;
  const collected = await new Promise((resolve) => {
    const call = client.makeClientStreamRequest(service.collect.path, write, read, (error, value) =>
      resolve(error ?? value),
    );
    for (const text of ['a', 'b', 'c']) call.write(text);
    call.end();
  });
  t.equal(collected, 'a+b+c');

  const listed: string[] = [];
  for await (const text of client.makeServerStreamRequest(service.list.path, write, read, 'x')) {
    listed.push(text as string);
  }
  t.same(listed, ['x0', 'x1', 'x2']);

  const chat = client.makeBidiStreamRequest(service.chat.path, write, read);
  const responses: string[] = [];
  // Each message waits for the response to the one before.
  for (const text of ['a', 'b', 'c']) {
    chat.write(text);
    responses.push(await new Promise<string>((resolve) => void chat.once('data', resolve)));
  }
  chat.end();
  const { code } = await new Promise<{ code: status }>(
    (resolve) => void chat.on('data', () => {}).once('status', resolve),
  );
  t.same(responses, ['A', 'B', 'C']);
  t.equal(code, status.OK);
});

t.test('an upstream that is not there, and an open circuit, are UNAVAILABLE at once', async (t) => {
  const sidecar = await startSidecar(
    t,
    upstream(
      `http://127.0.0.1:${NO_PORT}`,
      ', retry: off, circuitBreaker: { failureThreshold: 2 }',
    ),
  );
  const caller = new Caller(t, sidecar.port('a'));
  for (let i = 0; i < 2; i++) {
    const { code, text, metadata } = await caller.unary('hello');
    t.equal(code, status.UNAVAILABLE);
    t.match(text, /^Cannot connect to a .* because /);
    t.same(metadata.get('x-breakwater-reason'), ['connect-failed']);
  }
  const { code, text, metadata } = await caller.unary('hello');
  t.equal(code, status.UNAVAILABLE);
  t.match(text, /^Cannot call a because its circuit is open/);
  t.same(metadata.get('x-breakwater-reason'), ['circuit-open']);
  t.match(metadata.get('grpc-retry-pushback-ms').join(), /^(-1|\d+)$/);
});

t.test('a deadline ends the call on both sides, and the server is told of it', async (t) => {
  const seen: { timeout: unknown; isCancelled: boolean } = { timeout: '', isCancelled: false };
  const { caller, sidecar } = await start(t, {
    unary(call) {
      seen.timeout = call.getDeadline();
      call.on('cancelled', () => (seen.isCancelled = true));
    },
  });
  const startedMs = Date.now();
  const { code } = await caller.unary('hello', { deadlineMs: 400 });
  t.equal(code, status.DEADLINE_EXCEEDED);
  t.ok(Date.now() - startedMs < 8000);
  t.ok(Number(seen.timeout) <= startedMs + 1000, 'the server knows when it ends');
  await eventually('it is cancelled upstream', () => seen.isCancelled);
  await eventually(
    'its slot is free',
    async () => (await sidecar.metric('breakwater_bulkhead_active')) === 0,
  );
});

t.test('a refused call is repeated where its method may be carried out twice', async (t) => {
  let calls = 0;
  const handlers: Handlers = {
    unary({ request }, callback) {
      calls += 1;
      if (calls % 2 === 1) callback({ code: status.UNAVAILABLE, details: 'not yet' });
      else callback(null, request);
    },
  };
  const { caller } = await start(t, handlers, ', retry: { grpc: idempotent }');
  t.match(await caller.unary('hello'), { code: status.OK, value: 'hello' });
  t.equal(calls, 2);
  const once = await start(t, handlers);
  t.match(await once.caller.unary('hello'), { code: status.UNAVAILABLE, text: 'not yet' });
  t.equal(calls, 3);
});

t.test('calls go on after a restart of the upstream', async (t) => {
  const { caller, server } = await start(t, echo, ', retry: off, circuitBreaker: off');
  t.equal((await caller.unary('one')).value, 'one!');
  server.stop();
  t.equal((await caller.unary('two')).code, status.UNAVAILABLE);
  await serve(t, echo, server.port);
  let value: string | undefined;
  await eventually('it is reached again', async () => {
    ({ value } = await caller.unary('three'));
    return value !== undefined;
  });
  t.equal(value, 'three!');
});

t.test('a sidecar that stops loses no call', async (t) => {
  const port = await findFreePort();
  const server = await serve(t, {
    unary: ({ request }, callback) => void setTimeout(() => callback(null, request), 30),
  });
  const yaml = `upstreams: { a: { listen: "127.0.0.1:${port}", target: "${server.url}" } }`;
  const first = await startSidecar(t, yaml);
  const caller = new Caller(t, port);
  const over = new AbortController();
  let calls = 0;
  const failures: string[] = [];
  const callers = Array.from({ length: 4 }, async () => {
    while (!over.signal.aborted) {
      const { code, text } = await caller.unary('hello', {
        metadata: new Metadata({ waitForReady: true }),
      });
      calls += 1;
      if (code !== status.OK) failures.push(`${code} ${text}`);
    }
  });
  await eventually('calls pass', () => calls > 20);
  await first.stop();
  await startSidecar(t, yaml);
  const before = calls;
  await eventually('calls pass again', () => calls > before + 20);
  over.abort();
  await Promise.all(callers);
  t.same(failures, []);
});
