import t from 'tap';
import { Call } from '../../src/core/call.js';
import { CallError, coreReasons } from '../../src/core/errors.js';
import { Problems } from '../../src/inbound/problem.js';

const request = {
  path: '/',
  headers: [],
  outgoing: [],
  body: undefined,
  startedAtMs: 0,
};

interface Refusal {
  readonly error: CallError;
  readonly upstream?: string;
  readonly attempts?: number;
  readonly method?: string;
}

/** @returns the body as the caller reads it, and the length that its head announces. */
function render(problems: Problems, { error, upstream = 'a', attempts = 0, method }: Refusal) {
  const call = new Call({ method: method ?? 'GET', ...request });
  call.attempts = attempts;
  const scope = { upstream, ownRetryAfterMs: Infinity };
  const { headers, body } = problems.render(error, { call, scope, requestId: 'x', nowMs: 0 });
  const length = headers[headers.indexOf('Content-Length') + 1];
  return { bytes: body, length: Number(length), problem: body && JSON.parse(body.toString()) };
}

const reset = (message: string) => new CallError('upstream-reset', message);

t.test('the body of a refusal', async (t) => {
  t.test('is written once for calls that are refused in the same words', async (t) => {
    const problems = new Problems();
    const [first, second] = [1, 2].map(() => render(problems, { error: reset('Cannot é') }));
    t.equal(first!.bytes, second!.bytes);
    t.equal(second!.length, second!.bytes!.length);
    t.equal(render(problems, { error: reset('Cannot é'), method: 'HEAD' }).length, first!.length);
  });

  t.test('is written anew where anything in it is different', async (t) => {
    const problems = new Problems();
    const error = reset('Cannot do it');
    const others: Refusal[] = [
      { error: reset('Cannot do it again') },
      { error, attempts: 2 },
      { error, upstream: 'b' },
      { error: new CallError('connect-failed', 'Cannot do it') },
      { error: new CallError({ ...coreReasons['upstream-reset'], status: 500 }, 'Cannot do it') },
      { error: new CallError({ ...coreReasons['upstream-reset'], title: 'T' }, 'Cannot do it') },
    ];
    for (const other of others) {
      render(problems, { error });
      const { problem, bytes, length } = render(problems, other);
      t.match(problem, {
        type: `urn:breakwater:${other.error.reason}`,
        title: other.error.title,
        status: other.error.status,
        detail: other.error.message,
        upstream: other.upstream ?? 'a',
        attempts: other.attempts ?? 0,
        error: { type: other.error.reason, message: other.error.message },
      });
      t.equal(length, bytes!.length);
    }
  });
});
