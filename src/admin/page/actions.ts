/** Changes of the running proxy: a dialog that says what will be done, and asks for an end, a reason and the token. */
import { byId, h } from './dom.js';
import { asCurl, type Order } from './text.js';

/** Filled in: an override without an end is forgotten. */
const DEFAULT_END = '10m';

/** What was entered, by the names of the fields. */
export type Entered = Readonly<Record<string, string>>;

export interface Field {
  readonly name: string;
  readonly label: string;
  readonly hint: string;
  /** To choose from; the first one is chosen. Without any it is a text. */
  readonly choices?: readonly string[];
  readonly value?: string;
}

export interface Action {
  readonly title: string;
  /** What it does, in a sentence. */
  readonly effect: string;
  readonly method: 'PUT' | 'POST';
  readonly fields?: readonly Field[];
  /** What is sent, but for its end and its reason. */
  readonly order: (entered: Entered) => { readonly path: string; readonly body: object };
  /** Left out where the change has no end. */
  readonly end?: { readonly hint: string; readonly isFor: (entered: Entered) => boolean };
  readonly needsToken: boolean;
}

/** An override by a state, with an end unless it is `auto`. */
export function stateOrder(path: string, choices: readonly string[]) {
  return {
    method: 'PUT',
    fields: [{ name: 'state', label: 'State', hint: 'auto ends an override', choices }],
    order: ({ state }: Entered) => ({ path, body: { state } }),
    end: {
      hint: 'for example 90s, 10m or 1h; empty: until somebody changes it',
      isFor: ({ state }: Entered) => state !== 'auto',
    },
  } as const;
}

/** Kept until the page is closed, and nowhere else. */
let token = '';

function field(label: string, input: HTMLElement, hint: string): HTMLLabelElement {
  return h('label', {}, label, input, h('small', {}, hint));
}

function inputOf({ name, choices, value }: Field): HTMLInputElement | HTMLSelectElement {
  if (choices === undefined) return h('input', { name, value, autocomplete: 'off' });
  return h('select', { name }, ...choices.map((choice) => h('option', {}, choice)));
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
  const { fields = [], needsToken } = action;
  const inputs = fields.map(inputOf);
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
    const entered = Object.fromEntries(inputs.map(({ name, value }) => [name, value]));
    const { path, body } = action.order(entered);
    const hasEnd = action.end?.isFor(entered) === true && end.value !== '';
    return {
      method: action.method,
      path,
      body: {
        ...body,
        ...(hasEnd ? { ttl: end.value } : {}),
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
    ...fields.map(({ label, hint }, i) => field(label, inputs[i]!, hint)),
    action.end && field('For', end, action.end.hint),
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
