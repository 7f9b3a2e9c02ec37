/** Takes server-sent events out of a stream of text (HTML standard, section 9.2.6). */

export interface ServerEvent {
  /** `message` where none is named. */
  readonly type: string;
  readonly data: string;
}

export class EventReader {
  readonly #onEvent: (event: ServerEvent) => void;
  /** The start of a line whose end has not come yet. */
  #rest = '';
  #type = '';
  #data: string[] = [];

  constructor(onEvent: (event: ServerEvent) => void) {
    this.#onEvent = onEvent;
  }

  /** @param text a piece of any length. */
  push(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) this.#take(line.replace(/\r$/, ''));
  }

  #take(line: string): void {
    if (line === '') return this.#end();
    const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
    if (field === 'event') this.#type = value;
    if (field === 'data') this.#data.push(value);
  }

  #end(): void {
    const data = this.#data;
    const type = this.#type || 'message';
    this.#data = [];
    this.#type = '';
    if (data.length > 0) this.#onEvent({ type, data: data.join('\n') });
  }
}
