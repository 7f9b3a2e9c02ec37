/** The dialogs that override the state of a circuit, and of an endpoint. */
import { ask, stateOrder } from './actions.js';
import type { Model } from './model.js';

export function force(name: string, route: string, state: string, model: Model): void {
  const path = [name, ...(route === '' ? [] : [route])].map(encodeURIComponent).join('/');
  const isForced = state.startsWith('forced');
  ask({
    title: `Circuit of ${name}${route === '' ? '' : ` / ${route}`}`,
    effect:
      'forced-open refuses all calls, forced-closed lets all through; auto leaves it to the circuit breaker again.',
    ...stateOrder(
      `/circuits/${path}`,
      isForced
        ? ['auto', 'forced-open', 'forced-closed']
        : ['forced-open', 'forced-closed', 'auto'],
    ),
    needsToken: model.process?.needsToken ?? false,
  });
}

export function drain(
  name: string,
  { address, state }: { readonly address: string; readonly state: string },
  model: Model,
): void {
  ask({
    title: `Endpoint ${address} of ${name}`,
    effect: 'drained sends it no new calls; calls under way end. auto ends that.',
    ...stateOrder(
      `/endpoints/${encodeURIComponent(name)}/${encodeURIComponent(address)}`,
      state === 'drained' ? ['auto', 'drained'] : ['drained', 'auto'],
    ),
    needsToken: model.process?.needsToken ?? false,
  });
}
