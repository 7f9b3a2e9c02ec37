/** The command line: arguments in, exit code out. */
import { Argument, Command, Option } from 'commander';
import type { CheckOptions } from './cli/check.js';
import type { Shell } from './cli/completion.js';
import type { ExplainOptions } from './cli/explain.js';
import type { SystemName } from './cli/import.js';
import type { InjectOptions } from './cli/inject.js';
import { endQuietly, readStdin, STDIN, type Output } from './cli/output.js';
import type { SchemaOptions } from './cli/schema.js';
import type { SimulateOptions } from './cli/simulate.js';
import type { TopOptions } from './cli/top.js';
import { pinTicks } from './platform/pin-ticks.js';
import { listenForStop } from './platform/signals.js';
import { keepYoungSmall } from './platform/young-generation.js';
import { scenarioNames } from './simulation/scenario-names.js';
import { version } from './version.js';

// The YAML parser looks something up in the environment at each token, half a million times for a large file. Node asks the
// system each time, which takes the longer the more there is, as where Kubernetes adds the address of every service.
process.env = { ...process.env };

const { stdout, stderr, env } = process;
const output: Output = { stdout, stderr, env };
endQuietly(stdout);
endQuietly(stderr);

/** Standard input is read only where it is asked for. */
const withStdin = async (inputs: readonly string[]): Promise<Output> =>
  inputs.includes(STDIN) ? { ...output, stdin: await readStdin(process.stdin) } : output;
const defaultFile = env['BREAKWATER_CONFIG'] || 'config/breakwater.yaml';
const defaultNote = '$BREAKWATER_CONFIG, then config/breakwater.yaml';

// Each command loads only what it needs itself.
export const program = new Command('breakwater')
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
    keepYoungSmall();
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
    const inputs = files.length === 0 ? [defaultFile] : files;
    process.exitCode = check(inputs, options, await withStdin(inputs));
  });

program
  .command('explain')
  .description("Print an upstream's effective policies, each value with where it came from.")
  .argument('[file]', `configuration file, or - for standard input (default: ${defaultNote})`)
  .requiredOption('--upstream <name>', 'the upstream')
  .option('--request <request>', 'as "GET /path", below the prefix: with the route that matches it')
  .action(async (file: string | undefined, options: ExplainOptions) => {
    const { explain } = await import('./cli/explain.js');
    const input = file ?? defaultFile;
    process.exitCode = explain(input, options, await withStdin([input]));
  });

program
  .command('simulate')
  .description(
    'Show what the policies of an upstream do to its calls when something happens to it.',
  )
  .argument('[file]', `configuration file, or - for standard input (default: ${defaultNote})`)
  .requiredOption('--upstream <name>', 'the upstream')
  .addOption(
    new Option('--scenario <name>', 'what happens').choices(scenarioNames).default('outage'),
  )
  .option('--rps <number>', 'calls per second (default: 50)')
  .option('--seconds <number>', 'how long it lasts (default: 120, or as long as the access log)')
  .option('--requests <file>', 'replay the requests of an access log of Breakwater')
  .option('--against <file>', 'show another configuration file beside it')
  .option(
    '--latency <duration>',
    'what the upstream takes on average (default: 50ms, or as logged)',
  )
  .option(
    '--capacity <number>',
    'requests per second that the upstream can serve (default: twice the calls)',
  )
  .option('--seed <number>', 'of all chance: the same seed gives the same figures', '1')
  .addOption(new Option('--format <format>', 'format').choices(['text', 'json']).default('text'))
  .action(async (file: string | undefined, options: SimulateOptions) => {
    const { simulate } = await import('./cli/simulate.js');
    const input = file ?? defaultFile;
    const inputs = [input, ...(options.against === undefined ? [] : [options.against])];
    process.exitCode = await simulate(input, options, await withStdin(inputs));
  });

program
  .command('test')
  .description('Try policy tests on virtual time; the results are TAP 14.')
  .argument('<files...>', 'files with policy tests; - for standard input')
  .action(async (files: string[]) => {
    const { test } = await import('./cli/test.js');
    process.exitCode = await test(files, await withStdin(files));
  });

program
  .command('schema')
  .description('Print the JSON Schema of the configuration file, for editors.')
  .option('--tests', 'the schema of files with policy tests instead', false)
  .action(async (options: SchemaOptions) => {
    const { schema } = await import('./cli/schema.js');
    process.exitCode = schema(output, options);
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
    process.exitCode = importForeign(system, files, await withStdin(files));
  });

program
  .command('inject')
  .description('Add the sidecar to the workloads of a Kubernetes manifest, and print the manifest.')
  .argument('<file>', 'the manifest, with any number of documents; - for standard input')
  .option('--image <image>', `image of the sidecar (default: breakwater:${version})`)
  .option('--config-map <name>', 'ConfigMap with breakwater.yaml (default: NAME-breakwater)')
  .option('--config <file>', 'the configuration, if the manifest has no such ConfigMap')
  .option('--secret <name>', 'Secret whose keys are variables of the sidecar')
  .addOption(
    new Option(
      '--env <variable=upstream>',
      'set a variable of the containers to the address of an upstream, as in CATALOG_URL=catalog; may be repeated',
    ).argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]),
  )
  .option('--only <kind/name>', 'leave out all other workloads')
  .option('--write', 'write the file instead of printing it', false)
  .action(async (file: string, options: InjectOptions) => {
    const { inject } = await import('./cli/inject.js');
    process.exitCode = inject(file, options, await withStdin([file]));
  });

program
  .command('top')
  .description(
    'Show what the upstreams of a running proxy do now, the worst first. q or Ctrl-C ends it.',
  )
  .option('--admin <address>', 'the admin server', 'http://127.0.0.1:9900')
  .option('--once', 'show it once', false)
  .addOption(
    new Option('--format <format>', 'text, or a line of JSON each time')
      .choices(['text', 'json'])
      .default('text'),
  )
  .action(async (options: TopOptions) => {
    const { top } = await import('./cli/top.js');
    process.exitCode = await top(options, { stdin: process.stdin, stdout, env });
  });

program
  .command('completion')
  .description('Print a script that completes commands, options and their values in a shell.')
  .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
  .action(async (shell: Shell) => {
    const { completion } = await import('./cli/completion.js');
    process.exitCode = completion(shell, program, output);
  });
