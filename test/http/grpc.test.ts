import * as fc from 'fast-check';
import t from 'tap';
import {
  codeOfStatus,
  encodeGrpcMessage,
  findGrpcCode,
  findPushback,
  formatGrpcTimeout,
  grpcNumber,
  isGrpcType,
  parseGrpcTimeout,
} from '../../src/http/grpc.js';

t.test('a content type is of gRPC with any format and any parameters', async (t) => {
  for (const type of [
    'application/grpc',
    'application/grpc+proto',
    'Application/GRPC+json',
    'application/grpc;charset=utf-8',
    'application/grpc+proto ; x=1',
  ]) {
    t.ok(isGrpcType(type), type);
  }
  for (const type of [
    undefined,
    '',
    'application/grpc-web',
    'application/grpc-web+proto',
    'application/grpcx',
    'application/json',
    'text/html; x=application/grpc',
  ]) {
    t.notOk(isGrpcType(type), String(type));
  }
});

t.test('timeouts are read', async (t) => {
  for (const [text, ms] of [
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['4S', 4000],
    ['1490m', 1490],
    ['1498072u', 1498.072],
    ['500000n', 0.5],
    ['0S', 0],
    ['99999999H', 99_999_999 * 3_600_000],
  ] as const) {
    t.equal(parseGrpcTimeout(text), ms, text);
  }
});

t.test('what is no timeout is not taken for one', async (t) => {
  for (const text of ['', 'S', '5', '123456789m', '1.5S', '-1S', '1s', '1 S', '1S, 2S', '+1S']) {
    t.equal(parseGrpcTimeout(text), undefined, text);
  }
});

t.test('timeouts are written in the finest unit that 8 digits are enough for', async (t) => {
  for (const [ms, text] of [
    [99, '99000000n'],
    [1500, '1500000u'],
    [99_999.9999, '99999999u'],
    [100_000, '100000m'],
    [27.8 * 3_600_000, '100080S'],
    [99_999_999_000, '99999999S'],
    [100_000_000_000, '1666666M'],
    [99_999_999 * 60_000 + 60_000, '1666666H'],
    [99_999_999 * 3_600_000, '99999999H'],
    [1e30, '99999999H'],
  ] as const) {
    t.equal(formatGrpcTimeout(ms), text, String(ms));
  }
});

t.test('a timeout that is over is the shortest, and not 0', async (t) => {
  for (const ms of [0, -5, 1e-7]) t.equal(formatGrpcTimeout(ms), '1n');
});

t.test('a written timeout is read as no more than it was, and hardly less', async () => {
  fc.assert(
    fc.property(fc.double({ min: 0.001, max: 3.5e14, noNaN: true }), (ms) => {
      const text = formatGrpcTimeout(ms);
      const read = parseGrpcTimeout(text)!;
      return read <= ms * (1 + 1e-12) && read > ms * (1 - 1e-5) - 1e-6;
    }),
  );
});

t.test('a status is found by its number', async (t) => {
  t.equal(findGrpcCode([]), undefined);
  t.equal(findGrpcCode(['Grpc-Status', '0']), 'OK');
  t.equal(findGrpcCode(['grpc-status', '14']), 'UNAVAILABLE');
  for (const odd of ['99', '', 'OK', '-1']) {
    t.equal(findGrpcCode(['grpc-status', odd]), 'UNKNOWN', odd);
  }
  t.equal(grpcNumber('UNAUTHENTICATED'), 16);
});

t.test('HTTP statuses mean what the specification says', async (t) => {
  const meaning = { 400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14 };
  for (const [status, code] of Object.entries(meaning)) {
    t.equal(grpcNumber(codeOfStatus(Number(status))), code, status);
  }
  for (const status of [200, 302, 413, 500]) t.equal(codeOfStatus(status), 'UNKNOWN');
});

t.test('a pushback is a delay, or forbids', async (t) => {
  t.equal(findPushback([]), undefined);
  t.equal(findPushback(['grpc-retry-pushback-ms', '250']), 250);
  t.equal(findPushback(['grpc-retry-pushback-ms', '0']), 0);
  t.equal(findPushback(['grpc-retry-pushback-ms', '-1']), 'never');
  t.equal(findPushback(['grpc-retry-pushback-ms', 'soon']), 'never');
});

t.test('messages are percent-encoded', async (t) => {
  t.equal(encodeGrpcMessage('plain ~ text'), 'plain ~ text');
  t.equal(encodeGrpcMessage('50%\n'), '50%25%0A');
  t.equal(encodeGrpcMessage('né'), 'n%C3%A9');
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const encoded = encodeGrpcMessage(text);
      return /^[\x20-\x7e]*$/.test(encoded) && decodeURIComponent(encoded) === text;
    }),
  );
});

t.test('a long message is cut between two characters', async (t) => {
  t.equal(encodeGrpcMessage('aé', 6), 'a');
  t.equal(encodeGrpcMessage('aé', 7), 'a%C3%A9');
  t.equal(encodeGrpcMessage('abc', 2), 'ab');
});
