/** Require header: refuses calls that lack a header, and tells the upstream which one was checked. */
import type { Call } from '../../../src/core/call.js';
import { CallError, defineReasons } from '../../../src/core/errors.js';
import type { EmitOf } from '../../../src/core/events.js';
import type { Counter } from '../../../src/core/instruments.js';
import { Options, Switchable, Type, type Static } from '../../../src/core/options.js';
import type { CallLayer, CallStage } from '../../../src/core/pipeline.js';
import type { Policy, PolicyContext } from '../../../src/core/policy.js';
import { hasField } from '../../../src/http/fields.js';

const schema = Switchable(
  Options(
    {
      header: Type.String({
        default: 'X-Team',
        pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
        description: 'Header that a request must have.',
      }),
    },
    { description: 'Refuses requests without a header.' },
  ),
  { default: 'off' },
);

interface RequireHeaderSettings {
  readonly requireHeader: Static<typeof schema>;
}

const reasons = defineReasons({
  'header-missing': { status: 400, title: 'Header missing', proxyError: 'http_request_error' },
});

interface HeaderChecked {
  readonly type: 'header-checked';
  readonly result: 'present' | 'missing';
}

const checks: Counter<HeaderChecked> = {
  kind: 'counter',
  name: 'breakwater_header_checks_total',
  help: 'Calls whose header was looked for. result: present or missing.',
  event: 'header-checked',
  per: 'upstream',
  labels: { result: ({ result }) => result },
  known: [{ result: 'present' }, { result: 'missing' }],
};

interface RequireHeaderLayer extends CallLayer {
  readonly counts: { missing: number };
}

function create(
  settings: RequireHeaderSettings,
  context: PolicyContext,
  previous?: RequireHeaderLayer,
): RequireHeaderLayer | undefined {
  const { requireHeader: options } = settings;
  if (options === 'off') return undefined;
  const { header } = options;
  const lowerName = header.toLowerCase();
  const emit: EmitOf<HeaderChecked> = context.emit;
  const counts = previous?.counts ?? { missing: 0 };

  function refuse({ method }: Call): CallError {
    counts.missing += 1;
    emit({ type: 'header-checked', result: 'missing' });
    const message = `Cannot forward ${method} to ${context.upstream} because it needs the header ${header}`;
    return new CallError(reasons['header-missing'], message);
  }

  const wrap = (next: CallStage): CallStage => ({
    run(call) {
      if (!hasField(call.headers, lowerName)) return Promise.reject(refuse(call));
      emit({ type: 'header-checked', result: 'present' });
      return next.run(call);
    },
    refusal: (call) => next.refusal(call),
  });
  return { wrap, counts, requestFields: (edits) => edits.set('X-Checked-Header', header) };
}

export const requireHeader = {
  name: 'requireHeader',
  level: 'call',
  schema,
  reasons,
  instruments: [checks],
  create,
  describe: (layer) => ({ missingHeaders: layer?.counts.missing ?? null }),
} as const satisfies Policy<
  'requireHeader',
  typeof schema,
  RequireHeaderSettings,
  RequireHeaderLayer
>;
