/** The man page, made from the commands as commander knows them, and from the exit codes of the compatibility list. */
import {
  optionsOf,
  type CommandArgument,
  type CommandOption,
  type CommandTree,
} from '../../src/cli/completion/command-tree.js';
import { program } from '../../src/program.js';
import { exitCodes } from '../compatibility/declared.js';

/** Text for roff: a backslash begins a command, a hyphen would become a dash, and a dot or a quote at the start is a macro. */
const roff = (text: string): string =>
  text
    .replaceAll('\\', String.raw`\e`)
    .replaceAll('-', String.raw`\-`)
    .replaceAll(/^[.']/gm, String.raw`\&$&`);

/** In an argument of a macro. */
const quoted = (text: string) => `"${roff(text).replaceAll('"', '""')}"`;

function note({ argChoices, defaultValue, defaultValueDescription }: CommandOption): string {
  const notes = argChoices === undefined ? [] : [`one of ${argChoices.join(', ')}`];
  // A switch is off by default, which goes without saying.
  if (defaultValueDescription !== undefined) notes.push(`default: ${defaultValueDescription}`);
  else if (typeof defaultValue === 'string') notes.push(`default: ${defaultValue}`);
  return notes.length === 0 ? '' : ` (${notes.join('; ')})`;
}

const entry = (term: string, text: string) => `.TP\n.B ${quoted(term)}\n${roff(text)}`;

const describeOption = (option: CommandOption) =>
  entry(option.flags, `${option.description}${note(option)}`);

const termOf = (argument: CommandArgument): string => {
  const name = argument.variadic ? `${argument.name()}...` : argument.name();
  return argument.required ? `<${name}>` : `[${name}]`;
};

function describeArgument(argument: CommandArgument): string {
  const { argChoices, description } = argument;
  const choices = argChoices === undefined ? '' : ` (one of ${argChoices.join(', ')})`;
  return entry(termOf(argument), `${description}${choices}`);
}

function describeCommand(command: CommandTree): string {
  const usage = [
    program.name(),
    command.name(),
    '[options]',
    ...command.registeredArguments.map(termOf),
  ];
  return [
    `.SS ${quoted(usage.join(' '))}`,
    roff(command.description()),
    ...command.registeredArguments.map(describeArgument),
    // The help of a command is told once, with the options of the program.
    ...optionsOf(command).slice(0, -1).map(describeOption),
  ].join('\n');
}

const exits = Object.entries(exitCodes).map(([command, text]) => entry(command, `${text}.`));

/** The text of man/breakwater.1. It has no date and no version, so that it changes only with the commands. */
export const manPage = (): string => {
  const tree: CommandTree = program;
  return `.\\" Written by \`npm run docs\`.
.TH BREAKWATER 1 "" "Breakwater" "User Commands"
.SH NAME
breakwater \\- ${roff(program.description().replace(/^A /, 'a ').replace(/\.$/, ''))}
.SH SYNOPSIS
.B breakwater
.I command
.RI [ options ]
.SH DESCRIPTION
Breakwater runs beside a service, between it and the services that it calls. It forwards the calls, and applies timeouts,
retries, limits and circuit breakers to them. The policies are in one YAML file.
.SH OPTIONS
${optionsOf(tree).map(describeOption).join('\n')}
.SH COMMANDS
${tree.commands.map(describeCommand).join('\n')}
.SH "EXIT STATUS"
A command line that cannot be understood ends with 1.
${exits.join('\n')}
.SH ENVIRONMENT
${entry('BREAKWATER_CONFIG', 'The configuration file of commands that are given none.')}
.SH FILES
${entry('config/breakwater.yaml', 'The configuration file where BREAKWATER_CONFIG is not set.')}
`;
};
