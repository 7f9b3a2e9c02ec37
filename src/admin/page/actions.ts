/** Changes of the running proxy: a dialog that says what will be done, and asks for an end, a reason and the token. */
import { byId, h } from './dom.js';
import { asCurl, type Order } from './text.js';

/** Filled in: an override without an end is forgotten. */
const DEFAULT_END = '10m';

export interface Action {
  readonly title: string;
  /** What it does, in a sentence. */
  readonly effect: string;
  readonly method: 'PUT' | 'POST';
  readonly path: string;
  /** States to choose from; the first one is chosen. Without any the order has no state. */
  readonly states?: readonly string[];
  readonly needsToken: boolean;
}

/** Kept until the page is closed, and nowhere else. */
let token = '';

function field(label: string, input: HTMLElement, hint: string): HTMLLabelElement {
  return h('label', {}, label, input, h('small', {}, hint));
}

/** @returns what to show, and whether it was done. */
async function send(order: Order, needsToken: boolean): Promise<{ text: string; isDone: boolean }> {
  try {
    const response = await fetch(order.path, {
      method: order.method,
      headers: {
        'Content-Type': 'application/json',
        ...(needsToken ? { Authorization: `Bearer ${token}` } : {}),
      },
      body: JSON.stringify(order.body),
    });
    if (response.ok) return { text: 'Done.', isDone: true };
    const problem = (await response.json()) as { detail?: string; diagnostics?: unknown[] };
    const errors = problem.diagnostics?.length;
    const why =
      problem.detail ??
      (errors === undefined ? '' : `the file has ${errors} errors; they are shown above`);
    return { text: `Refused with ${response.status}: ${why}`, isDone: false };
  } catch (error) {
    return { text: `Not sent: ${(error as Error).message}`, isDone: false };
  }
}

export function ask(action: Action): void {
  const dialog = byId('dialog', HTMLDialogElement);
  const { states, needsToken } = action;
  const state = h(
    'select',
    { name: 'state' },
    ...(states ?? []).map((each) => h('option', {}, each)),
  );
  const end = h('input', {
    name: 'ttl',
    value: DEFAULT_END,
    pattern: '[0-9.]+(ms|s|m|h)([0-9.]+(ms|s|m|h))*',
    autocomplete: 'off',
  });
  const reason = h('input', { name: 'reason', maxlength: 200, autocomplete: 'off' });
  const secret = h('input', { name: 'token', type: 'password', autocomplete: 'off', value: token });
  const result = h('p', { role: 'status', class: 'result' });
  const order = (): Order => {
    const isEndless = states === undefined || state.value === 'auto' || end.value === '';
    return {
      method: action.method,
      path: action.path,
      body: {
        ...(states === undefined ? {} : { state: state.value }),
        ...(isEndless ? {} : { ttl: end.value }),
        ...(reason.value === '' ? {} : { reason: reason.value }),
      },
    };
  };
  const carryOut = async (): Promise<void> => {
    const { text, isDone } = await send(order(), needsToken);
    submit.disabled = false;
    result.textContent = text;
    result.className = `result ${isDone ? 'done' : 'refused'}`;
  };
  const submit = h('button', { type: 'submit', class: 'primary' }, 'Do it');
  const form = h(
    'form',
    {},
    h('h2', { id: 'dialog-title' }, action.title),
    h('p', {}, action.effect),
    states && field('State', state, 'auto ends an override'),
    states && field('For', end, 'for example 90s, 10m or 1h; empty: until somebody changes it'),
    field('Reason', reason, 'goes to the log'),
    needsToken && field('Token', secret, 'admin.token; kept in this tab only'),
    result,
    h(
      'div',
      { class: 'buttons' },
      submit,
      h(
        'button',
        {
          type: 'button',
          onclick: () => copy(asCurl(location.origin, order(), needsToken), result),
        },
        'Copy as curl',
      ),
      h('button', { type: 'button', onclick: () => dialog.close() }, 'Close'),
    ),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    token = secret.value;
    submit.disabled = true;
    result.textContent = 'Sending.';
    void carryOut();
  });
  dialog.replaceChildren(form);
  dialog.showModal();
}

/** The clipboard needs https or localhost; elsewhere the text is shown to be copied by hand. */
export function copy(text: string, place: HTMLElement): void {
  void tryCopy(text, place);
}

async function tryCopy(text: string, place: HTMLElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    place.textContent = 'Copied.';
  } catch {
    const area = h('textarea', { readonly: true, rows: 6, 'aria-label': 'Text to copy' });
    area.value = text;
    place.replaceChildren(area);
    area.select();
  }
}
