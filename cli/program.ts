// A command line program of several commands: finds the one that is asked for,
// runs it, and turns errors into one line on stderr and an exit code.
import { type Command, helpOf, version } from './command.ts';
import { CommandError, UsageError } from './errors.ts';
import { Options } from './options.ts';

/** A command is loaded when it is run: an agent has no use for the hub's code in its memory. */
export type CommandEntry = {
  summary: string;
  /** Not for people: not in --help. */
  hidden?: boolean;
  load: () => Promise<Command>;
};

const versionCommand: Command = {
  summary: 'Prints the version.',
  usage: '',
  options: {},
  run: async () => {
    process.stdout.write(`skerry ${version} (node ${process.version}, ${process.platform}/${process.arch})\n`);
    return 0;
  },
};

function help(commands: Record<string, CommandEntry>): string {
  const rows = Object.entries(commands)
    .filter(([, command]) => command.hidden !== true)
    .map(([name, command]) => `  ${name.padEnd(10)} ${command.summary}`);
  return `Usage: skerry COMMAND [options]\n\nKubernetes for devices that go offline.\n\nCommands:\n${rows.join('\n')}\n\nskerry COMMAND --help tells the options of a command.\n`;
}

async function run(
  commands: Record<string, CommandEntry>,
  notBuilt: readonly string[],
  args: string[],
): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(help(commands));
    return name === undefined ? 2 : 0;
  }
  if (name === '--version') return versionCommand.run(Options.parse([], {}, {}));
  if (notBuilt.includes(name)) throw new CommandError(`skerry ${name} is not built yet`);
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined)
    throw new UsageError(
      `unknown command ${JSON.stringify(name)}: expected one of ${Object.keys(commands).join(', ')}`,
    );
  const command = await entry.load();
  if (rest.includes('--help') || rest.includes('-h')) {
    process.stdout.write(helpOf(name, command));
    return 0;
  }
  return command.run(Options.parse(rest, command.options, process.env));
}

export const versionEntry: CommandEntry = { summary: versionCommand.summary, load: async () => versionCommand };

/** Runs the program and ends the process. */
export function runProgram(commands: Record<string, CommandEntry>, notBuilt: readonly string[]): void {
  run(commands, notBuilt, process.argv.slice(2)).then(
    (code) => process.exit(code),
    (error: unknown) => {
      const line = (error instanceof Error ? error.message : String(error)).split('\n')[0];
      process.stderr.write(`skerry: ${line}\n`);
      process.exit(error instanceof UsageError ? 2 : error instanceof CommandError ? error.exitCode : 1);
    },
  );
}
