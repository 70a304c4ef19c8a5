// scripts/up: from a clone to two Ready pods. Finds or starts an engine, runs
// hub and agent in the background, applies the example and waits for it.
// Everything it starts is written down below the data directory for --down.

import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { findEngine, provideImage, stopEngine } from './up-steps/engine.ts';
import { applyFile, waitForPods } from './up-steps/example.ts';
import { isRunning, readNote, removeTree, startProcess, stopProcess } from './up-steps/processes.ts';
import { say } from './up-steps/say.ts';

const help = `Usage: scripts/up [--data-dir DIR] [--https-port PORT] [--mqtt-port PORT] [--bind-address IP] [--down]

Starts a hub and one agent in the background, applies examples/hello.yaml and waits until its pods are Ready.
--data-dir DIR       where everything is kept (default ~/.skerry)
--bind-address IP    0.0.0.0 lets other devices join (default 127.0.0.1)
--https-port PORT    port of the Kubernetes API (default 6443)
--mqtt-port PORT     port for agents (default 8883)
--down               stops and removes all of it
`;

const root = join(import.meta.dirname, '..');
const cli = join(root, 'cli/main.ts');
const exampleImage = 'busybox:stable';

const { values } = parseArgs({
  options: {
    'data-dir': { type: 'string', default: join(homedir(), '.skerry') },
    'bind-address': { type: 'string', default: '127.0.0.1' },
    'https-port': { type: 'string', default: '6443' },
    'mqtt-port': { type: 'string', default: '8883' },
    down: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const base = resolve(values['data-dir']);
const [hubDirectory, agentDirectory, runDirectory] = [join(base, 'hub'), join(base, 'agent'), join(base, 'run')];
const kubeconfig = join(hubDirectory, 'admin.kubeconfig');

async function up(): Promise<void> {
  const socket = await findEngine(runDirectory);
  const made = await provideImage(socket, exampleImage);
  say(
    made
      ? `made the image ${exampleImage} from busybox-static, as it can't be pulled`
      : `image ${exampleImage} is there`,
  );
  const hub = await startProcess(runDirectory, 'hub', /ready (\S+) (\S+)/, [
    cli,
    'hub',
    ...[
      '--data-dir',
      hubDirectory,
      '--bind-address',
      values['bind-address'],
      '--https-port',
      values['https-port'],
      '--mqtt-port',
      values['mqtt-port'],
    ],
  ]);
  const [, httpsUrl = '', mqttUrl = ''] = hub;
  say(`hub serves ${httpsUrl}`);
  const token = await startProcess(runDirectory, 'token', /(skerry1\S+)/, [
    cli,
    'token',
    'create',
    '--data-dir',
    hubDirectory,
    '--ttl',
    '10m',
  ]);
  const agent = await startProcess(runDirectory, 'agent', /ready node=(\S+)/, [
    cli,
    'agent',
    ...['--data-dir', agentDirectory, '--hub', mqttUrl, '--token', token[1] ?? '', '--runtime-endpoint', socket],
  ]);
  say(`node ${agent[1]} has joined`);
  await applyFile(kubeconfig, join(root, 'examples/hello.yaml'));
  say('applied examples/hello.yaml, waiting for its pods');
  await waitForPods(kubeconfig, 'app=hello', 2);
  process.stdout.write(`
Both pods are Ready.
  kubeconfig:  ${kubeconfig}
  try:         kubectl --kubeconfig ${kubeconfig} get pods -o wide
  stop:        scripts/up --down${values['data-dir'] === join(homedir(), '.skerry') ? '' : ` --data-dir ${base}`}
`);
}

async function down(): Promise<void> {
  const socket = readNote(runDirectory, 'socket');
  await stopProcess(runDirectory, 'agent');
  if (socket !== undefined && readNote(agentDirectory, 'identity.json') !== undefined) {
    await startProcess(runDirectory, 'uninstall', undefined, [
      cli,
      'agent',
      '--data-dir',
      agentDirectory,
      '--uninstall',
      '--runtime-endpoint',
      socket,
    ]);
    say('containers and network removed');
  }
  await stopProcess(runDirectory, 'hub');
  await stopEngine(runDirectory, exampleImage);
  for (const directory of [agentDirectory, hubDirectory, runDirectory]) removeTree(directory);
  say(`stopped; ${base} holds nothing of it any more`);
}

try {
  if (values.help) process.stdout.write(help);
  else if (values.down) await down();
  else await up();
} catch (error) {
  process.stderr.write(`up: ${(error as Error).message}\n`);
  if (isRunning(runDirectory, 'hub'))
    process.stderr.write(`up: what runs is left as it is; scripts/up --down stops it, logs are in ${runDirectory}\n`);
  process.exitCode = 1;
}
