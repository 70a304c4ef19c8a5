// npm pack runs this: dist/ gets the JavaScript of the published package (Node
// strips no types under node_modules) and the agent as one small file.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { agentProgram, bundleProgram } from './packaging/bundle.ts';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' });
cpSync(join(root, 'firmware-images/files'), join(dist, 'firmware-images/files'), { recursive: true });
const entry = join(dist, 'cli/main.js');
chmodSync(entry, 0o755);

const agent = join(dist, 'skerry-agent.cjs');
await bundleProgram(agentProgram, agent);
chmodSync(agent, 0o755);
process.stdout.write(`dist/skerry-agent.cjs ${(statSync(agent).size / 1024).toFixed(0)} KiB\n`);
