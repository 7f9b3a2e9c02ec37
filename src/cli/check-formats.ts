/** What `check` found, in the notations of GitHub's log and of SARIF 2.1.0. */
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Diagnostic, Level } from '../config/syntax/diagnostics.js';
import { version } from '../version.js';

const messageOf = ({ path, message }: Diagnostic) =>
  path === '' ? message : `${path}: ${message}`;

const escapeMessage = (text: string) =>
  text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');

const escapeProperty = (text: string) =>
  escapeMessage(text).replaceAll(':', '%3A').replaceAll(',', '%2C');

const githubCommands: Readonly<Record<Level, string>> = {
  error: 'error',
  warning: 'warning',
  info: 'notice',
};

/** A workflow command per diagnostic: GitHub shows it at its line. */
export function formatForGithub(diagnostics: readonly Diagnostic[]): string {
  return diagnostics
    .map((diagnostic) => {
      const { file, line, column, level, rule } = diagnostic;
      const properties = `file=${escapeProperty(file)},line=${line},col=${column},title=${escapeProperty(rule)}`;
      return `::${githubCommands[level]} ${properties}::${escapeMessage(messageOf(diagnostic))}\n`;
    })
    .join('');
}

const sarifLevels: Readonly<Record<Level, string>> = {
  error: 'error',
  warning: 'warning',
  info: 'note',
};

function locationOf(file: string): object {
  if (isAbsolute(file)) return { uri: pathToFileURL(file).href };
  const path = file.replaceAll('\\', '/').replace(/^\.\//, '');
  return { uri: path.split('/').map(encodeURIComponent).join('/'), uriBaseId: '%SRCROOT%' };
}

/** One run of one tool. */
export function formatAsSarif(diagnostics: readonly Diagnostic[]): string {
  const rules = [...new Map(diagnostics.map((found) => [found.rule, found.level]))];
  const results = diagnostics.map((diagnostic) => {
    const { file, line, column, level, rule, path } = diagnostic;
    const logical = path === '' ? {} : { logicalLocations: [{ fullyQualifiedName: path }] };
    return {
      ruleId: rule,
      ruleIndex: rules.findIndex(([id]) => id === rule),
      level: sarifLevels[level],
      message: { text: messageOf(diagnostic) },
      locations: [
        {
          physicalLocation: {
            artifactLocation: locationOf(file),
            region: { startLine: line, startColumn: column },
          },
          ...logical,
        },
      ],
    };
  });
  const driver = {
    name: 'Breakwater',
    version,
    rules: rules.map(([id, level]) => ({
      id,
      shortDescription: { text: id.replaceAll('-', ' ') },
      defaultConfiguration: { level: sarifLevels[level] },
    })),
  };
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [{ tool: { driver }, columnKind: 'utf16CodeUnits', results }],
  };
  return `${JSON.stringify(log, undefined, 2)}\n`;
}
