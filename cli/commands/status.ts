// skerry status: what runs on this device, without asking the hub.
import { resolve } from 'node:path';
import { describeAgent } from '../../agent/main.ts';
import type { Command } from '../command.ts';
import { engineOptions, engineSocket } from './agent.ts';

export const statusCommand: Command = {
  summary: 'Tells what the agent on this device runs, without the hub.',
  usage: '--data-dir DIR',
  options: { 'data-dir': { description: "the agent's data directory", value: 'DIR' }, ...engineOptions },
  run: async (options) => {
    const { nodeName, hubUrl, pods, engineProblem } = await describeAgent({
      dataDirectory: resolve(options.require('data-dir')),
      runtimeEndpoint: engineSocket(options),
    });
    process.stdout.write(`node ${nodeName}, hub ${hubUrl}\n`);
    if (engineProblem !== undefined) process.stdout.write(`container engine: ${engineProblem}\n`);
    process.stdout.write(
      `${'NAMESPACE'.padEnd(16)} ${'POD'.padEnd(40)} ${'CONTAINER'.padEnd(20)} ${'STATE'.padEnd(10)} ${'RESTARTS'.padEnd(8)} IMAGE\n`,
    );
    for (const { namespace, name, containers } of pods) {
      if (containers.length === 0) process.stdout.write(`${namespace.padEnd(16)} ${name.padEnd(40)} none yet\n`);
      for (const { name: container, state, restarts, image } of containers) {
        process.stdout.write(
          `${namespace.padEnd(16)} ${name.padEnd(40)} ${container.padEnd(20)} ${state.padEnd(10)} ${String(restarts).padEnd(8)} ${image}\n`,
        );
      }
    }
    return 0;
  },
};
