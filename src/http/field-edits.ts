/** A message's fields while they are rewritten for one hop. */
import { isNamed, type Fields } from './fields.js';

/** Works on a list of its own, so that each attempt can say something else. */
export class FieldEdits {
  readonly #fields: string[];

  constructor(fields: Fields) {
    this.#fields = fields.slice();
  }

  /** The fields as they are now; the list goes on to change with the edits. */
  get fields(): Fields {
    return this.#fields;
  }

  /** Adds a field at the end, where there is none of that name yet. */
  add(name: string, value: string): void {
    this.#fields.push(name, value);
  }

  /** Gives the first field of that name this value and takes out any others; adds the field at the end where there is none. */
  set(name: string, value: string): void {
    const lowerName = name.toLowerCase();
    const at = this.#find(lowerName, 0);
    if (at === -1) {
      this.#fields.push(name, value);
      return;
    }
    this.#fields[at + 1] = value;
    this.#removeFrom(lowerName, at + 2);
  }

  /** Takes out all fields of that name. */
  remove(name: string): void {
    this.#removeFrom(name.toLowerCase(), 0);
  }

  #removeFrom(lowerName: string, from: number): void {
    for (let at = this.#find(lowerName, from); at !== -1; at = this.#find(lowerName, at)) {
      this.#fields.splice(at, 2);
    }
  }

  /** Names are compared without regard to case (RFC 9110, section 5.1). */
  #find(lowerName: string, from: number): number {
    const fields = this.#fields;
    for (let at = from; at < fields.length; at += 2) {
      if (isNamed(fields[at]!, lowerName)) return at;
    }
    return -1;
  }
}
