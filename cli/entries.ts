// The commands that a device needs, for both programs.
import { dialCommand } from '../platform/net.ts';
import { type CommandEntry, versionEntry } from './program.ts';

export const deviceCommands: Record<string, CommandEntry> = {
  agent: {
    summary: 'Runs this machine as a node: its pods, with the hub and without it.',
    load: async () => (await import('./commands/agent.ts')).agentCommand,
  },
  status: {
    summary: 'Tells what the agent on this device runs, without the hub.',
    load: async () => (await import('./commands/status.ts')).statusCommand,
  },
  doctor: {
    summary: 'Looks for what is wrong with this device, and says how to mend it.',
    load: async () => (await import('./commands/doctor.ts')).doctorCommand,
  },
  version: versionEntry,
  [dialCommand]: {
    summary: 'Opens a connection inside a pod for the agent.',
    hidden: true,
    load: async () => (await import('./commands/dial.ts')).dialCommand,
  },
};
