#!/usr/bin/env node
// The agent's program: only what a device needs, so that it can be one small file.
import { setFlagsFromString } from 'node:v8';
import { deviceCommands } from './entries.ts';
import { runProgram } from './program.ts';

// A device has little memory and an agent little to compute: young objects get 1 MB instead of 16, and the
// optimizing compilers stay unloaded. Before anything else is loaded; as options of node they would need a wrapper.
for (const flag of ['--semi-space-growth-factor=1', '--no-opt', '--no-maglev']) setFlagsFromString(flag);

runProgram(deviceCommands, []);
