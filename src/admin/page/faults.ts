/** The faults of an upstream: which there are, until when, and a dialog that sets one. */
import type { Row } from '../../core/live.js';
import { ask, type Entered } from './actions.js';
import { h, table } from './dom.js';
import { formatEnd, own } from './format.js';
import type { Model } from './model.js';

/** @param routes that are known, the upstream's own being empty. */
export function listFaults(
  { name, faults }: Row,
  routes: readonly string[],
  model: Model,
): HTMLElement[] {
  const list = table(
    ['Whose', 'What', 'Action', 'End'],
    faults.map((fault) => [
      own(fault.route),
      fault.summary,
      fault.until === null
        ? ''
        : h('button', { type: 'button', onclick: () => lift(name, fault.route, model) }, 'Lift…'),
      formatEnd(fault, model.at),
    ]),
    'None is injected.',
  );
  const shown = [...new Set(['', ...routes, ...faults.map(({ route }) => route)])];
  const button = h(
    'button',
    { type: 'button', onclick: () => inject(name, shown, model) },
    'Inject a fault…',
  );
  return [list, h('p', { class: 'buttons' }, button)];
}

const pathOf = (...names: readonly string[]) =>
  `/faults/${names
    .filter((name) => name !== '')
    .map(encodeURIComponent)
    .join('/')}`;

function lift(name: string, route: string, model: Model): void {
  ask({
    title: `Lift the fault of ${name}${route === '' ? '' : ` / ${route}`}`,
    effect: 'The fault of the file holds again, if it has one.',
    method: 'PUT',
    order: () => ({ path: pathOf(name, route), body: { fault: null } }),
    needsToken: model.process?.needsToken ?? false,
  });
}

/** In the notation of the file. */
function faultOf({ kind, share, status, time, first }: Entered): object | string {
  if (kind === 'off') return 'off';
  const count = first === '' ? {} : { first: Number(first) };
  if (kind === 'delay') return { delay: { share, time }, ...count };
  if (kind === 'reset') return { reset: { share }, ...count };
  return { abort: { share, status: Number(status) }, ...count };
}

function inject(name: string, routes: readonly string[], model: Model): void {
  ask({
    title: `Inject a fault into ${name}`,
    effect:
      'abort responds with an error, delay makes responses late, reset breaks the connection; off leaves out the fault of the file. Real calls get it.',
    method: 'PUT',
    fields: [
      {
        name: 'route',
        label: 'Whose attempts',
        hint: 'routes with a fault of their own do not share that of the upstream',
        choices: routes.map(own),
      },
      {
        name: 'kind',
        label: 'Fault',
        hint: 'the upstream gets no request for abort and reset',
        choices: ['abort', 'delay', 'reset', 'off'],
      },
      { name: 'share', label: 'Share', hint: 'of the attempts', value: '10%' },
      { name: 'status', label: 'Status', hint: 'of an abort: 400 to 599', value: '503' },
      { name: 'time', label: 'Time', hint: 'of a delay', value: '2s' },
      { name: 'first', label: 'How many', hint: 'attempts in all; empty: no limit', value: '' },
    ],
    order: (entered) => {
      const route = routes.find((each) => own(each) === entered['route'])!;
      return { path: pathOf(name, route), body: { fault: faultOf(entered) } };
    },
    end: { hint: 'for example 90s or 10m; at most 1h', isFor: () => true },
    needsToken: model.process?.needsToken ?? false,
  });
}
