import t from 'tap';
import { loadText } from '../../src/config/load.js';
import type { TracingConfig } from '../../src/config/resolve/tracing.js';
import type { Environment } from '../../src/config/syntax/interpolate.js';

const UPSTREAMS = 'upstreams: { a: { listen: 8101, target: "http://a" } }\n';

const load = (tracing: string, env: Environment = {}) =>
  loadText(`${tracing === '' ? '' : `tracing: ${tracing}\n`}${UPSTREAMS}`, 'b.yaml', env);

/** Of a file that is right. */
function read(tracing: string, env: Environment = {}): TracingConfig | undefined {
  const { config, diagnostics } = load(tracing, env);
  if (config === undefined) throw new Error(JSON.stringify(diagnostics));
  return config.tracing;
}

const offBecause = (tracing: string, env: Environment) =>
  load(tracing, env).config?.tracingOffBecause;

const messages = (tracing: string) => load(tracing).diagnostics.map(({ message }) => message);

const ENDPOINT = 'OTEL_EXPORTER_OTLP_ENDPOINT';
const TRACES_ENDPOINT = 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT';

t.test('is off unless something switches it on', async (t) => {
  t.equal(read(''), undefined);
  t.equal(read('off'), undefined);
  t.equal(
    read('', { OTEL_SERVICE_NAME: 'shop', OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }),
    undefined,
  );
  t.equal(read('off', { [ENDPOINT]: 'http://otel:4318' }), undefined, 'the file has the last word');
});

t.test('has defaults for all that is left out', async (t) => {
  const defaults = {
    url: 'http://127.0.0.1:4318/v1/traces',
    protocol: 'http/protobuf',
    sample: 0,
    headers: {},
    resource: { 'service.name': 'breakwater' },
    timeoutMs: 10_000,
    isCompressed: false,
    problems: [],
  };
  t.same(read('{}'), defaults);
  t.same(read('on'), defaults);
});

t.test('takes what is written', async (t) => {
  const written =
    '{ endpoint: "https://otel.example/base/", protocol: http/json, sample: 10%, headers: { x-key: abc, x-tenant: 7 }, serviceName: shop }';
  t.match(read(written), {
    url: 'https://otel.example/base/v1/traces',
    protocol: 'http/json',
    sample: 0.1,
    headers: { 'x-key': 'abc', 'x-tenant': '7' },
    resource: { 'service.name': 'shop' },
  });
  t.equal(read('{ sample: parent }')?.sample, 0);
  t.equal(read('{ sample: 0% }')?.sample, 0);
  t.equal(read('{ sample: 100% }')?.sample, 1);
});

t.test('environment variables', async (t) => {
  t.test('an endpoint switches it on, with the callers deciding', async (t) => {
    t.match(read('', { [ENDPOINT]: 'http://otel:4318' }), {
      url: 'http://otel:4318/v1/traces',
      sample: 0,
      protocol: 'http/protobuf',
    });
  });

  t.test('the path for traces is appended to the general endpoint only', async (t) => {
    for (const [value, url] of [
      ['http://otel:4318/', 'http://otel:4318/v1/traces'],
      ['http://otel:4318/base', 'http://otel:4318/base/v1/traces'],
      ['http://otel:4318/base/?k=1', 'http://otel:4318/base/v1/traces?k=1'],
      ['https://otel.example', 'https://otel.example/v1/traces'],
    ] as const) {
      t.equal(read('', { [ENDPOINT]: value })?.url, url);
    }
    t.equal(read('', { [TRACES_ENDPOINT]: 'http://otel:4318/x' })?.url, 'http://otel:4318/x');
    t.equal(read('', { [TRACES_ENDPOINT]: 'http://otel:4318' })?.url, 'http://otel:4318/');
    const both = { [ENDPOINT]: 'http://general:1', [TRACES_ENDPOINT]: 'http://traces:2/t' };
    t.equal(read('', both)?.url, 'http://traces:2/t');
  });

  t.test('the file stands over them', async (t) => {
    const env = {
      [TRACES_ENDPOINT]: 'http://env:4318',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_HEADERS: 'X-Key=env,x-more=1',
      OTEL_SERVICE_NAME: 'env',
    };
    const file =
      '{ endpoint: "http://file:4318", protocol: http/protobuf, headers: { x-key: file }, serviceName: file }';
    t.match(read(file, env), {
      url: 'http://file:4318/v1/traces',
      protocol: 'http/protobuf',
      resource: { 'service.name': 'file' },
    });
    t.same(read(file, env)?.headers, { 'x-more': '1', 'x-key': 'file' });
    t.match(read('{ sample: 10% }', env), {
      url: 'http://env:4318/',
      protocol: 'http/json',
      sample: 0.1,
      headers: { 'X-Key': 'env' },
      resource: { 'service.name': 'env' },
    });
  });

  t.test('those for traces stand over those for all signals', async (t) => {
    const config = read('on', {
      OTEL_EXPORTER_OTLP_HEADERS: 'a=1',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'b=2',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'HTTP/JSON',
      OTEL_EXPORTER_OTLP_TIMEOUT: '1000',
      OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '2000',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'none',
      OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: 'gzip',
    });
    t.match(config, { protocol: 'http/json', timeoutMs: 2000, isCompressed: true, problems: [] });
    t.same(config?.headers, { b: '2' });
  });

  t.test('lists are percent-encoded', async (t) => {
    const config = read('on', {
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Basic%20YTpi=, x-key = a%2Cb ,',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=prod, team=a%3Db',
    });
    t.same(config?.headers, { authorization: 'Basic YTpi=', 'x-key': 'a,b' });
    t.same(config?.resource, {
      'deployment.environment.name': 'prod',
      team: 'a=b',
      'service.name': 'breakwater',
    });
  });

  t.test('the name of the service comes from the first that has one', async (t) => {
    const inList = { OTEL_RESOURCE_ATTRIBUTES: 'service.name=list' };
    const own = { ...inList, OTEL_SERVICE_NAME: 'own' };
    t.equal(read('on', inList)?.resource['service.name'], 'list');
    t.equal(read('on', own)?.resource['service.name'], 'own');
    t.equal(read('{ serviceName: file }', own)?.resource['service.name'], 'file');
  });

  t.test('an empty one is not there', async (t) => {
    t.equal(read('', { [ENDPOINT]: '', [TRACES_ENDPOINT]: ' ' }), undefined);
    t.match(read('', { [ENDPOINT]: 'http://otel', [TRACES_ENDPOINT]: '', OTEL_SERVICE_NAME: '' }), {
      url: 'http://otel/v1/traces',
      resource: { 'service.name': 'breakwater' },
    });
  });

  t.test(
    'traces can be switched off by them, where the file does not switch them on',
    async (t) => {
      const on = { [ENDPOINT]: 'http://otel' };
      for (const off of [{ OTEL_SDK_DISABLED: 'True' }, { OTEL_TRACES_EXPORTER: 'none' }]) {
        t.equal(read('', { ...on, ...off }), undefined);
        t.ok(read('on', { ...on, ...off }));
      }
      t.ok(read('', { ...on, OTEL_SDK_DISABLED: '1', OTEL_TRACES_EXPORTER: 'otlp' }));
    },
  );

  t.test('what cannot be used is ignored, and told without values', async (t) => {
    const secret = 's3cret';
    const config = read('on', {
      [ENDPOINT]: `127.0.0.1:4318/${secret}`,
      [TRACES_ENDPOINT]: `localhost:4318/${secret}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_TIMEOUT: '10s',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'br',
      OTEL_EXPORTER_OTLP_HEADERS: `x-key=${secret}%`,
      OTEL_RESOURCE_ATTRIBUTES: 'team=a,team',
    });
    t.match(config, {
      url: 'http://127.0.0.1:4318/v1/traces',
      protocol: 'http/protobuf',
      timeoutMs: 10_000,
      isCompressed: false,
    });
    t.same(config?.headers, {});
    t.same(config?.resource, { 'service.name': 'breakwater' });
    t.equal(config?.problems.length, 7);
    for (const each of config?.problems ?? []) {
      t.match(
        each,
        /^OTEL_\w+ is ignored because it |^OTEL_\w+ is ignored because spans are sent by http/,
      );
      t.notMatch(each, secret);
    }
    t.equal(read('', { [ENDPOINT]: 'otel:4318' }), undefined, 'and switches nothing on');
  });

  t.test('an endpoint that cannot be used is told also where nothing else is on', async (t) => {
    t.match(offBecause('', { [ENDPOINT]: 'localhost:4318' }), [
      /^OTEL_EXPORTER_OTLP_ENDPOINT is ignored because it is not a URL/,
    ]);
    for (const other of [
      { [TRACES_ENDPOINT]: 'http://otel:4318' },
      { OTEL_SDK_DISABLED: 'true' },
      { OTEL_TRACES_EXPORTER: 'none' },
    ]) {
      t.same(offBecause('', { [ENDPOINT]: 'localhost:4318', ...other }), []);
    }
    t.same(offBecause('off', { [ENDPOINT]: 'localhost:4318' }), [], 'the file has the last word');
    t.same(offBecause('', { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }), [], 'others may need that');
  });

  t.test('headers that cannot be sent are left out, and named', async (t) => {
    const config = read('on', {
      OTEL_EXPORTER_OTLP_HEADERS:
        'bad name=1,x-line=a%0D%0Ab,content-type=text/plain,Connection=close,expect=100-continue,transfer-encoding=chunked,x-ok=1',
    });
    t.same(config?.headers, { 'x-ok': '1' });
    t.same(config?.problems.length, 6);
  });
});

t.test('mistakes', async (t) => {
  for (const [tracing, message] of [
    ['{ endpoint: "127.0.0.1:4318" }', /must be a URL .* did you mean "http:\/\/127.0.0.1:4318"\?/],
    ['{ endpoint: "grpc://x" }', /must be a URL that begins with http:\/\/ or https:\/\//],
    [
      '{ endpoint: "http://x:4318/v1/traces" }',
      /without \/v1\/traces.* did you mean "http:\/\/x:4318"\?/,
    ],
    ['{ endpoint: "http://me:s3cret@x" }', /must not contain a user name or password/],
    ['{ endpoint: "http://x?k=s3cret" }', /must not contain a query/],
    ['{ protocol: grpc }', /must be http\/protobuf or http\/json, but is "grpc"/],
    ['{ sample: 0.1 }', /must be a share such as 20%, or parent, but is 0.1; did you mean "10%"/],
    ['{ sample: 110% }', /the most is 100%/],
    ['{ sample: parents }', /did you mean "parent"\?/],
    ['{ headers: { content-type: x } }', /is set by Breakwater itself/],
    ['{ headers: { "a b": x } }', /is not the name of a header/],
    ['{ headers: { x-key: [s3cret] } }', /must be text or a number, but is a list$/],
    ['{ headers: s3cret }', /must be a mapping, but is text \(not shown\)/],
    ['{ headers: { x-key: "s3cret\\n" } }', /must be one line of Latin-1 text/],
    ['{ header: { x-key: s3cret } }', /is an unknown key; did you mean "headers"\?/],
    ['{ serviceName: "" }', /must be text that is not empty/],
  ] as const) {
    const found = messages(tracing);
    t.equal(found.length, 1, `${tracing}: ${found.join(' | ')}`);
    t.match(found[0], message);
    t.notMatch(found[0], 's3cret');
  }
});

const shown = (tracing: string, env: Environment = {}) =>
  load(tracing, env).config!.document['tracing'];

t.test('the effective configuration shows no value of a header', async (t) => {
  t.equal(shown(''), 'off');
  t.same(shown('{ sample: 10%, headers: { Authorization: "Bearer s3cret" } }'), {
    endpoint: 'http://127.0.0.1:4318',
    protocol: 'http/protobuf',
    sample: '10%',
    headers: { Authorization: '***' },
    serviceName: 'breakwater',
  });
  const env = {
    [ENDPOINT]: 'http://me:s3cret@otel:4318/?k=s3cret',
    OTEL_EXPORTER_OTLP_HEADERS: 'x-key=s3cret',
  };
  t.same(shown('', env), {
    endpoint: 'http://otel:4318',
    protocol: 'http/protobuf',
    sample: 'parent',
    headers: { 'x-key': '***' },
    serviceName: 'breakwater',
  });
});
