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

const describe = (error: Error, progress = NOT_CONNECTED) =>
  describeFailure(error, { upstream: 'a', target: 'http://a', progress, hasHeaders: false });

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

const ALERT = 'SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:rec_layer_s3.c:1601:';

const alert = (code: string) =>
  Object.assign(new Error(`80ECE2F44F7F0000:error:0A00045C:${ALERT}SSL alert number 116\n`), {
    code,
  });

const CONNECTED: Progress = { ...NOT_CONNECTED, isConnected: true, sent: 'some' };

for (const code of [
  'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
  'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE',
  'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
]) {
  t.test(`${code} after the handshake of this side: nothing was read of the request`, async (t) => {
    const error = describe(alert(code), CONNECTED);
    t.match(error, { reason: 'connect-failed', proxyError: 'tls_alert_received' });
    t.equal(classifyFailure(error).kind, 'unsent');
    t.match(error.message, /because TLS failed: tlsv13 alert certificate required$/);
  });
}

t.test('an alert of any other kind, or later than that, is a reset', async (t) => {
  const late = alert('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA');
  const cases: readonly (readonly [Error, Progress])[] = [
    [alert('ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR'), CONNECTED],
    [late, { ...CONNECTED, isReused: true }],
    [late, { ...CONNECTED, hasResponseBegun: true }],
  ];
  for (const [error, progress] of cases) {
    t.equal(describe(error, progress).reason, 'upstream-reset');
  }
});

t.test('an error of OpenSSL is told without its numbers', async (t) => {
  const text = `write EPROTO 80ECE2:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:a.c:350:\n`;
  const error = describe(Object.assign(new Error(text), { code: 'EPROTO' }));
  t.equal(error.message, 'Cannot connect to a (http://a) because TLS failed: wrong version number');
  t.equal(error.proxyError, 'tls_protocol_error');
});
