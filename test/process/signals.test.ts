/** What each signal does, and what a log without a reader may not do. */
import { spawn } from 'node:child_process';
import t from 'tap';
import { node, pathOf } from '../support/program.js';
import { startProxy } from '../support/proxy-process.js';
import {
  eventually,
  findFreePort,
  send,
  startUpstream,
  type Teardown,
} from '../support/sidecar.js';

async function start(t: Teardown, rest = '') {
  const [port, admin] = [await findFreePort(), await findFreePort()];
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const proxy = startProxy(
    t,
    `admin: { listen: ${admin} }\n${rest}\nupstreams: { a: { listen: ${port}, target: "${upstream.url}" } }`,
  );
  await eventually('it is ready', () => proxy.output().includes('ready'));
  const isDraining = async () => (await send(`http://127.0.0.1:${admin}/readyz`)).status === 503;
  return { proxy, port, admin, isDraining };
}

for (const signal of ['SIGQUIT', 'SIGUSR1'] as const) {
  t.test(`drains on ${signal}, which changes nothing during a drain`, async (t) => {
    const { proxy, port, isDraining } = await start(t, 'shutdown: { delay: 1s }');
    proxy.process.kill(signal);
    await eventually('it drains', isDraining);
    for (const again of ['SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const) proxy.process.kill(again);
    t.equal((await send(`http://127.0.0.1:${port}/`)).text, 'ok');
    t.equal(await proxy.exit, 0);
    t.notMatch(proxy.errors(), /Debugger/);
  });
}

t.test('ignores SIGUSR2, and ends at once at a second SIGINT', async (t) => {
  const { proxy, port, isDraining } = await start(t, 'shutdown: { delay: 30s }');
  proxy.process.kill('SIGUSR2');
  t.equal((await send(`http://127.0.0.1:${port}/`)).text, 'ok');
  t.notOk(await isDraining());
  proxy.process.kill('SIGTERM');
  await eventually('it drains', isDraining);
  proxy.process.kill('SIGINT');
  t.equal(await proxy.exit, 1);
});

t.test('leaves no debugger open that a SIGUSR1 opened before there was a listener', async (t) => {
  const code = `process.kill(process.pid, 'SIGUSR1');
    const { default: inspector } = await import('node:inspector');
    while (inspector.url() === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    const { guardDebugger, hasSignalCome } = await import(${JSON.stringify(pathOf('platform/debugger.js'))});
    guardDebugger();
    console.log(inspector.url(), hasSignalCome());`;
  const child = spawn(...node('--inspect-port=0', '--input-type=module', '--eval', code));
  t.teardown(() => child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await new Promise((resolve) => child.on('close', resolve));
  t.equal(output, 'undefined true\n');
});

for (const signals of [['SIGTERM'], ['SIGTERM', 'SIGTERM']] as const) {
  t.test(`ends at ${signals.join(' and ')} although nothing reads its log`, async (t) => {
    const { proxy, port, isDraining } = await start(
      t,
      `log: { access: all }\nshutdown: { grace: 30s${signals.length > 1 ? ', delay: 30s' : ''} }`,
    );
    proxy.process.stdout!.pause();
    const path = `/${'x'.repeat(4000)}`;
    for (let i = 0; i < 100; i++) {
      await Promise.all([1, 2, 3, 4].map(() => send(`http://127.0.0.1:${port}${path}`)));
    }
    const ended = new Promise((resolve) => proxy.process.once('exit', resolve));
    const startedAt = performance.now();
    proxy.process.kill(signals[0]);
    if (signals[1] !== undefined) {
      await eventually('it drains', isDraining);
      proxy.process.kill(signals[1]);
    }
    t.equal(await ended, signals.length > 1 ? 1 : 0);
    const tookMs = performance.now() - startedAt;
    t.ok(tookMs < 20_000, `it took ${tookMs} ms`);
  });
}
