/** An instance of a module, with the configurations that it is based on. */
import type { Part } from '../part.js';
import type { Foreign } from '../foreign.js';
import { parseIsoDuration, parseUnits } from '../values.js';

export interface Read<T> {
  readonly value: T;
  readonly from: Foreign;
}

/** `${NAME:default}` */
const PLACEHOLDER = /^\$\{([^:}]+)(?::([^}]*))?\}$/;

/** The own keys go before those of `baseConfig`, and so on. Without `baseConfig` it is `configs.default`. */
export class Instance {
  readonly #layers: readonly Foreign[];
  readonly #part: Part;

  constructor(own: Foreign, module: Foreign, part: Part) {
    this.#part = part;
    const layers: Foreign[] = [];
    for (let layer: Foreign | undefined = own; layer !== undefined && !layers.includes(layer);) {
      layers.push(layer);
      const written: Foreign | undefined = layer.get('baseConfig');
      const name: string | undefined = written?.text();
      const isNamed: boolean = name !== undefined;
      const base: Foreign | undefined = module.at('configs', name ?? 'default');
      if (written !== undefined && base === undefined) {
        part.note(
          `${written.origin}: there is no such configuration; resilience4j does not start.`,
        );
      }
      if (written !== undefined && base !== undefined) {
        part.note(`${written.origin}: its keys are among those below.`);
      }
      const isKnown = layers.some((each) => each.fullPath === base?.fullPath);
      layer = isKnown || (!isNamed && layer !== own) ? undefined : base;
    }
    this.#layers = layers;
  }

  get own(): Foreign {
    return this.#layers[0]!;
  }

  /** Whether the first value stands nearer to the instance than the second one does. */
  isNearer({ from: first }: Read<unknown>, { from: second }: Read<unknown>): boolean {
    const depthOf = (part: Foreign) =>
      this.#layers.findIndex(({ fullPath }) => part.fullPath.startsWith(`${fullPath}.`));
    return depthOf(first) < depthOf(second);
  }

  /** The value that is in force. Those that it hides count as used. */
  get(...keys: readonly string[]): Foreign | undefined {
    const found = this.#layers.flatMap((layer) => layer.get(...keys) ?? []);
    for (const hidden of found.slice(1)) hidden.use();
    return found[0];
  }

  /** Undefined where nothing is written, or a placeholder without a default. */
  text(...keys: readonly string[]): Read<string> | undefined {
    const from = this.get(...keys);
    const value = from?.text();
    if (from === undefined || value === undefined) return undefined;
    const placeholder = PLACEHOLDER.exec(value);
    if (placeholder === null) return { value, from };
    const [, name, standard] = placeholder;
    this.#part.note(
      standard === undefined
        ? `${from.origin}: the value of ${name} is not known here, so this is left out.`
        : `${from.origin}: this is the default in the placeholder; ${name} may change it.`,
    );
    return standard === undefined ? undefined : { value: standard, from };
  }

  number(...keys: readonly string[]): Read<number> | undefined {
    const read = this.text(...keys);
    if (read === undefined) return undefined;
    if (/^\d+(?:\.\d+)?$/.test(read.value)) return { value: Number(read.value), from: read.from };
    this.#part.note(`${read.from.origin}: this is no number, so it is left out.`);
    return undefined;
  }

  flag(...keys: readonly string[]): Read<boolean> | undefined {
    const read = this.text(...keys);
    return read && { value: read.value.toLowerCase() === 'true', from: read.from };
  }

  /** In ms; a number without a unit is in ms as well. */
  duration(...keys: readonly string[]): Read<number> | undefined {
    const read = this.text(...keys);
    if (read === undefined) return undefined;
    const { value, from } = read;
    const ms = /^\d+$/.test(value)
      ? Number(value)
      : (parseUnits(value.toLowerCase()) ?? parseIsoDuration(value));
    if (ms !== undefined) return { value: ms, from };
    this.#part.note(`${from.origin}: this is no duration, so it is left out.`);
    return undefined;
  }
}
