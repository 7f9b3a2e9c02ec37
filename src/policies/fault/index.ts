/** Fault: lets attempts be slow or fail on purpose, as if the upstream had done it. */
import type { Call } from '../../core/call.js';
import { CallError } from '../../core/errors.js';
import type { EmitOf } from '../../core/events.js';
import type { AttemptLayer, AttemptStage } from '../../core/pipeline.js';
import type { Policy, PolicyContext } from '../../core/policy.js';
import { askedIn, FAULT_FORMS, parseAskedFault } from './asked-fault.js';
import { inNotation, inWords, isIdle } from './describe.js';
import { interventionFor, kindsOf, type Fault } from './fault.js';
import { FaultSource } from './fault-source.js';
import { instruments, traced, type FaultInjected } from './instruments.js';
import { schema, type FaultOptions, type FaultSettings } from './options.js';
import { reasons } from './reasons.js';

export type { FaultSettings } from './options.js';

interface FaultLayer extends AttemptLayer {
  readonly source: FaultSource;
  /** When an operator's fault ends, in ms since the Unix epoch; undefined for that of the file. */
  readonly endsAtWallMs: number | undefined;
}

const isSame = (a: FaultOptions, b: FaultOptions) => JSON.stringify(a) === JSON.stringify(b);

function create(
  settings: FaultSettings,
  context: PolicyContext,
  previous?: FaultLayer,
): FaultLayer | undefined {
  const { fault: options } = settings;
  if (options === 'off' || isIdle(options)) return undefined;
  const { clock, random, upstream, endsAtMs } = context;
  const emit: EmitOf<FaultInjected> = context.emit;
  // A fault that has changed is another one, whose `first` counts from 0.
  const isKnown = previous !== undefined && isSame(previous.source.options, options);
  const source = isKnown ? previous.source : new FaultSource(options, random);
  const header = options.header === 'off' ? undefined : options.header.toLowerCase();

  /** What the request asks for; undefined where it does not ask. */
  function asked({ headers }: Call): string | undefined {
    return header === undefined ? undefined : askedIn(headers, header);
  }

  function faultFor(call: Call, number: number): Fault | undefined {
    const text = asked(call);
    if (text === undefined) return source.draw();
    // What cannot be read has been refused.
    const fault = parseAskedFault(text)!;
    return number <= fault.first ? fault : undefined;
  }

  function refusal(call: Call): CallError | undefined {
    const text = asked(call);
    if (text === undefined || parseAskedFault(text) !== undefined) return undefined;
    const message = `Cannot inject the fault ${JSON.stringify(text)} into a call to ${upstream} because it is not one of: ${FAULT_FORMS}`;
    return new CallError(reasons['invalid-fault'], message);
  }

  const wrap = (next: AttemptStage): AttemptStage => ({
    run(attempt) {
      const { call, number } = attempt;
      const fault = faultFor(call, number);
      if (fault === undefined) return next.run(attempt);
      attempt.intervention = interventionFor(fault, call);
      for (const kind of kindsOf(fault)) {
        call.interventions = [...call.interventions, kind];
        emit({ type: 'fault-injected', kind, call });
      }
      return next.run(attempt);
    },
    refusal: (call) => refusal(call) ?? next.refusal(call),
  });

  return {
    wrap,
    source,
    endsAtWallMs: endsAtMs === undefined ? undefined : clock.wallNow() + endsAtMs - clock.now(),
    // It is for this hop: the next one would inject the fault once more.
    requestFields: header === undefined ? undefined : (edits) => edits.remove(header),
  };
}

const timeOf = (wallMs: number | undefined) =>
  wallMs === undefined ? null : new Date(Math.round(wallMs / 1000) * 1000).toISOString();

export const fault = {
  name: 'fault',
  level: 'attempt',
  schema,
  reasons,
  instruments,
  traced,
  isShownPerRoute: true,
  orders: {
    path: 'faults',
    objection: (options: FaultSettings['fault']) =>
      options !== 'off' && isIdle(options)
        ? 'it says neither delay, abort, reset nor header, so it would do nothing; "off" switches the fault of the file off, and null lifts what was set'
        : undefined,
  },
  caution: ({ fault: options }) =>
    options === 'off' || isIdle(options) ? undefined : `has a fault that ${inWords(options)}`,
  create,
  describe(layer) {
    if (layer === undefined) return { fault: null };
    const { source, endsAtWallMs } = layer;
    const { options, left } = source;
    return {
      fault: {
        ...inNotation(options),
        ...(left === undefined ? {} : { left }),
        until: timeOf(endsAtWallMs),
        summary: inWords(options),
      },
    };
  },
} as const satisfies Policy<'fault', typeof schema, FaultSettings, FaultLayer>;
