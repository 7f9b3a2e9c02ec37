import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import type { Dispatcher } from 'undici';
import { ConnectionPool, type ConnectionUser } from '../../src/proxy/connection-pool.js';
import { eventually, startUpstream, type Teardown } from '../support/sidecar.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

async function openPool(t: Teardown) {
  const upstream = await startUpstream(t, (request, response) => {
    if (request.url === '/hang') response.write('begun');
    else response.end('done');
  });
  const pool = ConnectionPool.open(
    {
      target: {
        protocol: 'http:',
        host: '127.0.0.1',
        port: upstream.port,
        socketPath: undefined,
        basePath: '',
        href: upstream.url,
      },
      tls: undefined,
      connectTimeoutMs: 0,
      maxHeaderSize: 16 * 1024,
    },
    undefined,
  );
  t.teardown(() => pool.destroy());
  return { pool, origin: upstream.url };
}

/** A try that gives up at the first byte of a body that hangs. @returns when it is over, without holding it. */
function run(pool: ConnectionPool, origin: string, path: string): Promise<WeakRef<ConnectionUser>> {
  return new Promise((resolve) => {
    const user: ConnectionUser = {
      connection: undefined,
      hasAnswerBegun: false,
      fieldLines: () => '',
      trailers: () => [],
    };
    const end = () => resolve(new WeakRef(user));
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart: () => user.connection!.expectHead(user),
      onResponseStart: () => {},
      onResponseData: (controller) => {
        if (path === '/hang') controller.abort(new Error('given up'));
      },
      onResponseEnd: () => {
        user.connection!.noteAnswer();
        end();
      },
      onResponseError: end,
    };
    pool.dispatch({ user, origin, path, method: 'GET', reset: false, servername: '' }, handler);
  });
}

for (const [title, path] of [
  ['whose answer has come', '/'],
  ['that was given up', '/hang'],
] as const) {
  t.test(`a connection holds nothing of a try ${title}`, async (t) => {
    const { pool, origin } = await openPool(t);
    const user = await run(pool, origin, path);
    await eventually('it can be collected', () => {
      collectGarbage();
      return user.deref() === undefined;
    });
  });
}
