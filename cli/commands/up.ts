// skerry up: a hub and one agent on this machine, in the foreground.
// scripts/up runs it in the background, with an engine and an example.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { startHub } from '../../hub/main.ts';
import { ownCommand } from '../../platform/process.ts';
import { type Command, untilSignalled } from '../command.ts';
import { CommandError } from '../errors.ts';
import { engineOptions, engineSocket } from './agent.ts';
import { hubOptions, readHubOptions } from './hub.ts';

type Child = { exited: Promise<number>; stop: () => Promise<void> };

/** Runs another `skerry` command; resolves with its output when `until` appears or it ends. */
function skerry(args: string[], until: RegExp): Promise<{ output: string; child: Child }> {
  return new Promise((resolvePromise, reject) => {
    const [program, ...own] = ownCommand();
    const process_ = spawn(program, [...own, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    const exited = new Promise<number>((resolveExit) => process_.once('exit', (code) => resolveExit(code ?? 1)));
    const child: Child = {
      exited,
      stop: async () => {
        process_.kill('SIGTERM');
        await exited;
      },
    };
    process_.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (until.test(output)) resolvePromise({ output, child });
    });
    process_.once('error', reject);
    void exited.then((code) =>
      until.test(output) ? undefined : reject(new CommandError(`skerry ${args[0]} ended with code ${code}`)),
    );
  });
}

export const upCommand: Command = {
  summary: 'Runs a hub and one agent on this machine until it is interrupted.',
  usage: '[--data-dir DIR] [options]',
  options: {
    ...hubOptions,
    'data-dir': { description: 'where both keep their data', value: 'DIR', default: join(homedir(), '.skerry') },
    'node-name': { description: "name of this machine's node", value: 'NAME' },
    ...engineOptions,
  },
  run: async (options) => {
    const base = resolve(options.require('data-dir'));
    const [hubDirectory, agentDirectory] = [join(base, 'hub'), join(base, 'agent')];
    const hub = await startHub({ ...readHubOptions(options), dataDirectory: hubDirectory });
    process.stdout.write(`skerry hub ready ${hub.httpsUrl} ${hub.mqttUrl}\n`);
    const nodeName = options.get('node-name');
    const join_ = existsSync(join(agentDirectory, 'identity.json'))
      ? []
      : [
          '--token',
          (await skerry(['token', 'create', '--data-dir', hubDirectory, '--ttl', '10m'], /\n/)).output.trim(),
        ];
    const args = [
      'agent',
      '--data-dir',
      agentDirectory,
      '--hub',
      hub.mqttUrl,
      '--runtime-endpoint',
      engineSocket(options),
      '--log-level',
      options.require('log-level'),
    ];
    const agent = await skerry(
      [...args, ...join_, ...(nodeName === undefined ? [] : ['--node-name', nodeName])],
      /ready node=.*\n/,
    );
    process.stdout.write(agent.output);
    process.stdout.write(`export KUBECONFIG=${hub.kubeconfigPath}\n`);
    const code = await Promise.race([untilSignalled().then(() => 0), agent.child.exited]);
    await agent.child.stop();
    await hub.stop();
    return code;
  },
};
