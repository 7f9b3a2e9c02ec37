/** Completion for fish: a list of conditions and what is offered under each. */
import {
  argumentValues,
  optionsOf,
  optionValues,
  type CommandArgument,
  type CommandOption,
  type CommandTree,
  type Values,
} from './command-tree.js';

const quote = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/** `-x` takes a value but no file, `-r -F` takes a file. */
function describeValues(values: Values): string {
  if (values.kind === 'files') return '-F';
  return values.kind === 'words' ? `-a ${quote(values.words.join(' '))}` : '';
}

function optionLine(name: string, condition: string, option: CommandOption): string {
  const values = optionValues(option);
  const parts = [
    `complete -c ${name} -n ${quote(condition)}`,
    option.short === undefined ? '' : `-s ${option.short.slice(1)}`,
    option.long === undefined ? '' : `-l ${option.long.slice(2)}`,
    values === undefined ? '' : values.kind === 'files' ? '-r' : '-x',
    values === undefined ? '' : describeValues(values),
    `-d ${quote(option.description)}`,
  ];
  return parts.filter((part) => part !== '').join(' ');
}

function argumentLine(
  name: string,
  command: CommandTree,
  argument: CommandArgument,
  index: number,
): string[] {
  const values = argumentValues(argument);
  if (values.kind === 'unknown') return [];
  const place = argument.variadic ? `${index} or more` : String(index);
  const condition = quote(`__${name}_at ${command.name()} ${place}`);
  return [`complete -c ${name} -n ${condition} ${describeValues(values)}`];
}

export function fishScript(program: CommandTree): string {
  const name = program.name();
  const valued = program.commands.flatMap((command) =>
    command.options
      .filter((option) => optionValues(option) !== undefined)
      .flatMap(({ short, long }) => [short, long].filter((each) => each !== undefined)),
  );
  const lines = [
    ...optionsOf(program).map((option) => optionLine(name, `__${name}_at ''`, option)),
    ...program.commands.flatMap((command) => [
      `complete -c ${name} -n ${quote(`__${name}_at ''`)} -a ${command.name()} -d ${quote(command.description())}`,
      ...optionsOf(command).map((option) =>
        optionLine(name, `__${name}_at ${command.name()}`, option),
      ),
      ...command.registeredArguments.flatMap((each, index) =>
        argumentLine(name, command, each, index),
      ),
    ]),
  ];
  return `# Completion of ${name} for fish: ${name} completion fish | source
# Whether the command line has this command, and this many arguments of it if a number is given; with a third word, or more.
function __${name}_at
    set -l words
    set -l skip no
    for word in (commandline -opc)[2..-1]
        if test $skip = yes
            set skip no
        else if contains -- $word ${[...new Set(valued)].join(' ')}
            set skip yes
        else if not string match -q -- '-*' $word
            set -a words $word
        end
    end
    test "$words[1]" = "$argv[1]"; or return 1
    set -l given (math (count $words) - 1)
    switch (count $argv)
        case 1
            return 0
        case 2
            test $given -eq $argv[2]
        case '*'
            test $given -ge $argv[2]
    end
end
complete -c ${name} -f
${lines.join('\n')}
`;
}
