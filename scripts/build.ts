// npm pack runs this: dist/ gets the JavaScript of the published package (Node
// strips no types under node_modules) and the agent as one small file.
import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

/** What libraries drag in and the agent never calls: BuildKit sessions (grpc, protobufjs), engines over ssh, proxies. */
const unused = [
  '@grpc/grpc-js',
  '@grpc/proto-loader',
  'protobufjs',
  'protobufjs/minimal.js',
  'ssh2',
  'cpu-features',
  'msgpackr-extract',
  'socks',
];

rmSync(dist, { recursive: true, force: true });
execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' });
const entry = join(dist, 'cli/main.js');
chmodSync(entry, 0o755);

const agent = join(dist, 'skerry-agent.cjs');
await build({
  entryPoints: [join(root, 'cli/agent-main.ts')],
  outfile: agent,
  bundle: true,
  minify: true,
  keepNames: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  legalComments: 'none',
  logLevel: 'error',
  plugins: [
    {
      name: 'leave-out-unused',
      setup: ({ onResolve, onLoad }) => {
        onResolve({ filter: /.*/ }, ({ path }) => (unused.includes(path) ? { path, namespace: 'unused' } : undefined));
        onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: 'module.exports = {};', loader: 'js' }));
      },
    },
  ],
});
chmodSync(agent, 0o755);
process.stdout.write(`dist/skerry-agent.cjs ${(statSync(agent).size / 1024).toFixed(0)} KiB\n`);
