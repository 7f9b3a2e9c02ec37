/** Completion for zsh, by its own function `_arguments`. */
import {
  argumentValues,
  namesOf,
  optionsOf,
  optionValues,
  type CommandArgument,
  type CommandOption,
  type CommandTree,
  type Values,
} from './command-tree.js';

const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** `_arguments` ends a description at a bracket, and a message at a colon. */
const escape = (text: string) => text.replaceAll(/[\\[\]:]/g, String.raw`\$&`);

function action(values: Values): string {
  if (values.kind === 'files') return '_files';
  return values.kind === 'words' ? `(${values.words.join(' ')})` : ' ';
}

/** `'(-c --config)'{-c,--config=}'[configuration file]:file:_files'` */
function optionSpec(option: CommandOption): string {
  const names = namesOf(option);
  const values = optionValues(option);
  const flags =
    values === undefined
      ? names
      : names.map((name) => (name.startsWith('--') ? `${name}=` : `${name}+`));
  const rest = values === undefined ? '' : `:${escape(option.description)}:${action(values)}`;
  const text = quote(`[${escape(option.description)}]${rest}`);
  if (flags.length === 1) return `'${flags[0]}'${text}`;
  return `'(${names.join(' ')})'{${flags.join(',')}}${text}`;
}

function argumentSpec(argument: CommandArgument, index: number): string {
  const place = argument.variadic ? '*' : argument.required ? String(index + 1) : `${index + 1}:`;
  return quote(`${place}:${escape(argument.name())}:${action(argumentValues(argument))}`);
}

function commandCase(command: CommandTree): string {
  const specs = [
    ...optionsOf(command).map(optionSpec),
    ...command.registeredArguments.map(argumentSpec),
  ];
  return `    ${command.name()})
      _arguments -s -S ${specs.join(' \\\n        ')} ;;`;
}

export function zshScript(program: CommandTree): string {
  const name = program.name();
  const described = program.commands.map((command) =>
    quote(`${command.name()}:${escape(command.description())}`),
  );
  return `#compdef ${name}
# Completion of ${name} for zsh: as _${name} in a folder of $fpath, or: eval "$(${name} completion zsh)"
_${name}() {
  local curcontext="$curcontext" state line
  typeset -A opt_args
  local -a commands=(
    ${described.join('\n    ')}
  )
  _arguments -C ${optionsOf(program).map(optionSpec).join(' ')} '1: :->command' '*:: :->argument'
  if [[ $state == command ]]; then
    _describe command commands
    return
  fi
  curcontext="\${curcontext%:*:*}:${name}-$words[1]:"
  case $words[1] in
${program.commands.map(commandCase).join('\n')}
  esac
}
if [[ $funcstack[1] == _${name} ]]; then
  _${name} "$@"
else
  compdef _${name} ${name}
fi
`;
}
