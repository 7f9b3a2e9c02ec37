import t from 'tap';
import { classifyFailure } from '../../src/core/outcome.js';
import { ConnectTimeout, type Progress } from '../../src/outbound/client.js';
import { describeFailure } from '../../src/outbound/failure.js';

const NOT_CONNECTED: Progress = {
  isConnected: false,
  sent: 'none',
  isReused: false,
  hasResponseBegun: false,
};

const describe = (error: Error) =>
  describeFailure(error, {
    upstream: 'a',
    target: 'http://a',
    progress: NOT_CONNECTED,
    hasHeaders: false,
  });

const fault = (code: string) => Object.assign(new Error(`connect ${code}`), { code });

for (const code of ['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOMEM', 'ENOBUFS']) {
  t.test(`${code} is what this process lacks, and not the upstream's fault`, async (t) => {
    const error = describe(fault(code));
    t.equal(error.reason, 'connect-failed');
    t.equal(error.ownShortage, true);
    t.equal(classifyFailure(error).kind, 'unsent');
    t.match(error.message, /because this process (has|runs)/);
  });
}

t.test('what an upstream does wrong is not', async (t) => {
  const error = describe(new AggregateError([fault('EADDRNOTAVAIL'), fault('ECONNREFUSED')]));
  t.equal(error.ownShortage, false);
  t.match(error.message, /connect EADDRNOTAVAIL; connect ECONNREFUSED/);
});

t.test('the last address decides between a timeout and a failure', async (t) => {
  const late = new ConnectTimeout('late');
  t.equal(describe(late).reason, 'timeout-connect');
  t.equal(describe(new AggregateError([fault('ECONNREFUSED'), late])).reason, 'timeout-connect');
  t.equal(describe(new AggregateError([late, fault('ECONNREFUSED')])).reason, 'connect-failed');
});
