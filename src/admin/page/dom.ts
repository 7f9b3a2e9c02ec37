/** Makes and changes elements. Text is always set as text, so names from a configuration are never markup. */

type Child = Node | string | null | undefined | false;

interface Attributes {
  readonly [name: string]: string | number | boolean | null | undefined | ((event: Event) => void);
}

/** @param attributes `class`, `aria-label`, ...; a function is a listener, for example `onclick`. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, String(value));
    }
  }
  element.append(...children.filter((child): child is Node | string => isShown(child)));
  return element;
}

const isShown = (child: Child) => child !== null && child !== undefined && child !== false;

/** @param type its class. */
export function byId<Made extends HTMLElement = HTMLElement>(
  id: string,
  type?: new () => Made,
): Made {
  const element = document.getElementById(id);
  if (element === null || (type !== undefined && !(element instanceof type)))
    throw new Error(`The page has no element ${id}`);
  return element as Made;
}

/** Leaves an element alone whose text is right already: selections and screen readers depend on it. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function setClass(element: HTMLElement, name: string): void {
  if (element.className !== name) element.className = name;
}

/** A table with a heading; a sentence instead where there is nothing. */
export function table(
  columns: readonly string[],
  rows: readonly (readonly (string | Node)[])[],
  none: string,
): HTMLElement {
  if (rows.length === 0) return h('p', { class: 'none' }, none);
  const head = h('tr', {}, ...columns.map((column) => h('th', { scope: 'col' }, column)));
  const body = rows.map((cells) =>
    h('tr', {}, ...cells.map((cell, i) => h('td', { 'data-label': columns[i] }, cell))),
  );
  return h(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': columns.join(', ') },
    h('table', { class: 'small' }, h('thead', {}, head), h('tbody', {}, ...body)),
  );
}
