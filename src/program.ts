/** The command line: arguments in, exit code out. */
import { readFileSync } from 'node:fs';
import { Argument, Command, Option } from 'commander';
import type { CheckOptions } from './cli/check.js';
import type { ExplainOptions } from './cli/explain.js';
import type { SystemName } from './cli/import.js';
import type { Output } from './cli/output.js';
import { pinTicks } from './platform/pin-ticks.js';
import { listenForStop } from './platform/signals.js';
import { version } from './version.js';

// The YAML parser looks something up in the environment at each token, half a million times for a large file. Node asks the
// system each time, which takes the longer the more there is, as where Kubernetes adds the address of every service.
process.env = { ...process.env };

const { stdout, stderr, env } = process;
const output: Output = { stdin: () => readFileSync(0), stdout, stderr, env };
const defaultFile = env['BREAKWATER_CONFIG'] || 'config/breakwater.yaml';
const defaultNote = '$BREAKWATER_CONFIG, then config/breakwater.yaml';

// Each command loads only what it needs itself.
const program = new Command('breakwater')
  .description('A sidecar proxy that keeps calls to other services from failing together.')
  .version(version)
  .showSuggestionAfterError();

program
  .command('run')
  .description('Start the proxy.')
  .addOption(
    new Option('-c, --config <file>', 'configuration file').default(defaultFile, defaultNote),
  )
  .action(async (options: { config: string }) => {
    pinTicks();
    let abandonLog: (() => void) | undefined;
    // Before the rest is loaded, which takes a while.
    const { first } = listenForStop(() => {
      abandonLog?.();
      process.exit(1);
    });
    const { run } = await import('./cli/run.js');
    const onLog = (abandon: () => void) => {
      abandonLog = abandon;
    };
    // Whatever a library may still hold open: drained is over.
    process.exit(await run(options, first, onLog));
  });

program
  .command('check')
  .description('Tell all that is wrong with configuration files.')
  .argument(
    '[files...]',
    `configuration files, ConfigMap manifests, folders of them, or - for standard input (default: ${defaultNote})`,
  )
  .option('--strict', 'fail on warnings too', false)
  .addOption(
    new Option(
      '--format <format>',
      'text to stderr, or to stdout: one JSON array, commands for the log of GitHub Actions, or SARIF 2.1.0',
    )
      .choices(['text', 'json', 'github', 'sarif'])
      .default('text'),
  )
  .option('--allow-unset', 'do not fail on environment variables that are not set here', false)
  .action(async (files: string[], options: CheckOptions) => {
    const { check } = await import('./cli/check.js');
    process.exitCode = check(files.length === 0 ? [defaultFile] : files, options, output);
  });

program
  .command('explain')
  .description("Print an upstream's effective policies, each value with where it came from.")
  .argument('[file]', `configuration file (default: ${defaultNote})`)
  .requiredOption('--upstream <name>', 'the upstream')
  .option('--request <request>', 'as "GET /path", below the prefix: with the route that matches it')
  .action(async (file: string | undefined, options: ExplainOptions) => {
    const { explain } = await import('./cli/explain.js');
    process.exitCode = explain(file ?? defaultFile, options, output);
  });

program
  .command('schema')
  .description('Print the JSON Schema of the configuration file, for editors.')
  .action(async () => {
    const { schema } = await import('./cli/schema.js');
    process.exitCode = schema(output);
  });

program
  .command('import')
  .description('Print files of another system as a Breakwater file, with comments on what differs.')
  .addArgument(
    new Argument('<system>', 'where the files are from').choices(['dapr', 'envoy', 'resilience4j']),
  )
  .argument('<files...>', 'its files, as parts of one configuration; - for standard input')
  .action(async (system: SystemName, files: string[]) => {
    const { importForeign } = await import('./cli/import.js');
    process.exitCode = importForeign(system, files, output);
  });

await program.parseAsync();
