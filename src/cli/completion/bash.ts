/** Completion for bash, from version 3.2 on, which macOS has. It needs neither bash-completion nor a start of the program. */
import {
  argumentValues,
  namesOf,
  optionsOf,
  optionValues,
  type CommandTree,
  type Values,
} from './command-tree.js';

const offer = (values: Values): string => {
  if (values.kind === 'words') return ` words='${values.words.join(' ')}'`;
  return values.kind === 'files' ? ' files=on' : '';
};

/** Of `case "$command $previous"`: the options that a value follows. */
function valueCases(command: CommandTree): string[] {
  return command.options.flatMap((option) => {
    const values = optionValues(option);
    if (values === undefined) return [];
    const patterns = namesOf(option).map((name) => `'${command.name()} ${name}'`);
    return `    ${patterns.join(' | ')})${offer(values)} ;;`;
  });
}

/** Of `case "$command $count"`: what can stand after so many arguments. */
function argumentCases(command: CommandTree): string[] {
  return command.registeredArguments.map((argument, index) => {
    const place = argument.variadic ? `'${command.name()} '*` : `'${command.name()} ${index}'`;
    return `          ${place})${offer(argumentValues(argument))} ;;`;
  });
}

const optionWords = (command: CommandTree) => optionsOf(command).flatMap(namesOf).join(' ');

export function bashScript(program: CommandTree): string {
  const { commands } = program;
  const name = program.name();
  const valued = commands.flatMap((command) =>
    command.options
      .filter((option) => optionValues(option) !== undefined)
      .flatMap((option) => namesOf(option).map((each) => `'${command.name()} ${each}'`)),
  );
  return `# Completion of ${name} for bash: eval "$(${name} completion bash)"
_${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  local command='' count=0 index words='' files=off word
  # bash divides --option=value into three words.
  if [[ $current == = ]]; then
    current=''
  elif [[ $previous == = ]]; then
    previous=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    case "$command $word" in
      ${valued.join(' | ')})
        if [[ \${COMP_WORDS[index+1]} == = ]]; then index=$((index + 2)); else index=$((index + 1)); fi ;;
      *' -'?*) ;;
      ' '*) command=$word ;;
      *) count=$((count + 1)) ;;
    esac
  done
  case "$command $previous" in
${commands.flatMap(valueCases).join('\n')}
    *)
      if [[ $current == -* ]]; then
        case $command in
          '') words='${optionWords(program)}' ;;
${commands.map((each) => `          ${each.name()}) words='${optionWords(each)}' ;;`).join('\n')}
        esac
      else
        case "$command $count" in
          ' 0') words='${commands.map((each) => each.name()).join(' ')}' ;;
${commands.flatMap(argumentCases).join('\n')}
        esac
      fi ;;
  esac
  COMPREPLY=()
  # Without words, bash offers the names of files by itself.
  if [[ $files == off ]]; then
    # Only in bash 4 and later; in 3.2 names of files are offered where nothing else fits.
    compopt +o default 2>/dev/null
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  fi
}
complete -o default -F _${name} ${name}
`;
}
