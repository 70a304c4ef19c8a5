#!/usr/bin/env node
// The agent's program: only what a device needs, so that it can be one small file.
import { deviceCommands } from './entries.ts';
import { runProgram } from './program.ts';

runProgram(deviceCommands, []);
