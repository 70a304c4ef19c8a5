#!/usr/bin/env node
// The `skerry` command.
import { deviceCommands } from './entries.ts';
import { runProgram } from './program.ts';
import { linkCommandName } from './rig/link-control.ts';

runProgram(
  {
    up: {
      summary: 'Runs a hub and one agent on this machine until it is interrupted.',
      load: async () => (await import('./commands/up.ts')).upCommand,
    },
    hub: {
      summary: 'Runs the hub: the Kubernetes API, its controllers and the broker for agents.',
      load: async () => (await import('./commands/hub.ts')).hubCommand,
    },
    token: {
      summary: 'Makes, lists and revokes the tokens with which devices join.',
      load: async () => (await import('./commands/token.ts')).tokenCommand,
    },
    flash: {
      summary: 'Writes an image to cards, sticks and files, with the configuration of the device.',
      load: async () => (await import('./commands/flash.ts')).flashCommand,
    },
    image: {
      summary: 'Builds the images that devices are flashed with, and looks at them.',
      load: async () => (await import('./commands/image.ts')).imageCommand,
    },
    claim: {
      summary: 'Lists the devices on this network that belong to nobody, and claims one.',
      load: async () => (await import('./commands/claim.ts')).claimCommand,
    },
    rig: {
      summary: 'Emulates a fleet of devices from an image, and what happens to devices.',
      load: async () => (await import('./commands/rig.ts')).rigCommand,
    },
    [linkCommandName]: {
      summary: "Forwards the connections of a rig's devices to their hub.",
      hidden: true,
      load: async () => (await import('./commands/rig-link.ts')).rigLinkCommand,
    },
    ...deviceCommands,
  },
  ['backup', 'restore'],
);
