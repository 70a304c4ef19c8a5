#!/usr/bin/env node
// The `skerry` command: finds the subcommand, runs it, and turns errors into
// one line on stderr and an exit code.
import { type Command, helpOf, version } from './command.ts';
import { agentCommand } from './commands/agent.ts';
import { hubCommand } from './commands/hub.ts';
import { statusCommand } from './commands/status.ts';
import { tokenCommand } from './commands/token.ts';
import { upCommand } from './commands/up.ts';
import { CommandError, UsageError } from './errors.ts';
import { Options } from './options.ts';

const versionCommand: Command = {
  summary: 'Prints the version.',
  usage: '',
  options: {},
  run: async () => {
    process.stdout.write(`skerry ${version} (node ${process.version}, ${process.platform}/${process.arch})\n`);
    return 0;
  },
};

const commands: Record<string, Command> = {
  up: upCommand,
  hub: hubCommand,
  agent: agentCommand,
  token: tokenCommand,
  status: statusCommand,
  version: versionCommand,
};
const notBuilt = ['backup', 'restore', 'image', 'flash', 'rig', 'doctor'];

function help(): string {
  const rows = Object.entries(commands).map(([name, command]) => `  ${name.padEnd(10)} ${command.summary}`);
  return `Usage: skerry COMMAND [options]\n\nKubernetes for devices that go offline.\n\nCommands:\n${rows.join('\n')}\n\nskerry COMMAND --help tells the options of a command.\n`;
}

async function main(args: string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(help());
    return name === undefined ? 2 : 0;
  }
  if (name === '--version') return versionCommand.run(Options.parse([], {}, {}));
  if (notBuilt.includes(name)) throw new CommandError(`skerry ${name} is not built yet`);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined)
    throw new UsageError(
      `unknown command ${JSON.stringify(name)}: expected one of ${Object.keys(commands).join(', ')}`,
    );
  if (rest.includes('--help') || rest.includes('-h')) {
    process.stdout.write(helpOf(name, command));
    return 0;
  }
  return command.run(Options.parse(rest, command.options, process.env));
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    const line = (error instanceof Error ? error.message : String(error)).split('\n')[0];
    process.stderr.write(`skerry: ${line}\n`);
    process.exit(error instanceof UsageError ? 2 : error instanceof CommandError ? error.exitCode : 1);
  },
);
