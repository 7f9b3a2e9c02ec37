/** What completion and the man page read of the commands: the part of commander's objects that describes them. */

interface Named {
  readonly description: string;
  readonly argChoices?: readonly string[] | undefined;
}

export interface CommandOption extends Named {
  /** `-c, --config <file>` */
  readonly flags: string;
  readonly short?: string | undefined;
  readonly long?: string | undefined;
  /** Whether a value follows. */
  readonly required: boolean;
  readonly defaultValue?: unknown;
  readonly defaultValueDescription?: string | undefined;
}

export interface CommandArgument extends Named {
  readonly required: boolean;
  readonly variadic: boolean;
  name(): string;
}

export interface CommandTree {
  readonly commands: readonly CommandTree[];
  readonly options: readonly CommandOption[];
  readonly registeredArguments: readonly CommandArgument[];
  name(): string;
  description(): string;
}

/** What can stand in a place: one of some words, the name of a file, or something that only the user knows. */
export type Values =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'files' }
  | { readonly kind: 'unknown' };

const isFile = (placeholder: string) => /^files?$/.test(placeholder);

const valuesOf = (choices: readonly string[] | undefined, placeholder: string): Values => {
  if (choices !== undefined) return { kind: 'words', words: choices };
  return { kind: isFile(placeholder) ? 'files' : 'unknown' };
};

/** Undefined for an option without a value. */
export function optionValues({ required, argChoices, flags }: CommandOption): Values | undefined {
  if (!required) return undefined;
  return valuesOf(argChoices, /<(.+)>/.exec(flags)?.[1] ?? '');
}

export const argumentValues = (argument: CommandArgument): Values =>
  valuesOf(argument.argChoices, argument.name());

/** commander adds it to every command by itself, without listing it. */
export const helpOption: CommandOption = {
  flags: '-h, --help',
  short: '-h',
  long: '--help',
  description: 'display help for command',
  required: false,
};

export const optionsOf = ({ options }: CommandTree): readonly CommandOption[] => [
  ...options,
  helpOption,
];

/** `-c` and `--config`, as far as there are such. */
export const namesOf = ({ short, long }: CommandOption): string[] =>
  [short, long].filter((name) => name !== undefined);
