// Connects to a port inside a pod's network and hands the connection to the
// agent that started this process; not for people.
import { dialInNamespace } from '../../platform/net.ts';
import type { Command } from '../command.ts';

export const dialCommand: Command = {
  summary: 'Opens a connection inside a pod for the agent.',
  usage: '--port PORT',
  options: { port: { description: 'port on the loopback address', value: 'PORT' } },
  run: async (options) => {
    await dialInNamespace(Number(options.require('port')));
    return 0;
  },
};
