// Serves the way from a rig's devices to their hub; `skerry rig` starts it.
import type { Command } from '../command.ts';
import { serveLinks } from '../rig/link.ts';

export const rigLinkCommand: Command = {
  summary: "Forwards the connections of a rig's devices to their hub.",
  usage: '--rig-dir DIR --pid-file FILE',
  options: {
    'rig-dir': { description: "the rig's directory", value: 'DIR' },
    'pid-file': { description: 'where its process number is written', value: 'FILE' },
  },
  run: async (options) => serveLinks(options.require('rig-dir'), options.require('pid-file')),
};
