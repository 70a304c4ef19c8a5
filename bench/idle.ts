// Memory of a hub with one node and of an agent with ten pods, both doing
// nothing: as they run from a checkout, and as they ship (dist/).
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runPods, startHub, startNode, temporaryDirectory } from './cluster.ts';
import { figure, median } from './figures.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const cli = join(root, 'cli/main.ts');
const bundledAgent = join(root, 'dist/skerry-agent.cjs');
const execute = promisify(execFile);

const settleMs = 30_000;
const samples = 10;
const podCount = 10;

type Memory = { pssMb: number; rssMb: number };

/** Of /proc/PID/smaps_rollup: medians of some seconds, MB of 2^20 bytes. */
async function measureMemory(pid: number): Promise<Memory> {
  const pss: number[] = [];
  const rss: number[] = [];
  for (let sample = 0; sample < samples; sample += 1) {
    const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
    const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]) / 1024;
    pss.push(field('Pss'));
    rss.push(field('Rss'));
    await delay(1000);
  }
  return { pssMb: median(pss), rssMb: median(rss) };
}

function print(name: string, { pssMb, rssMb }: Memory): void {
  figure({ name: `idle.${name}_pss`, value: pssMb, unit: 'MB' });
  figure({ name: `idle.${name}_rss`, value: rssMb, unit: 'MB' });
}

/** Makes dist/ when it is not there. What is there may be older than the sources, which is told. */
async function built(): Promise<void> {
  if (!existsSync(bundledAgent)) {
    await execute(process.execPath, [join(root, 'scripts/build.ts')]);
    return;
  }
  const builtMs = (await stat(bundledAgent)).mtimeMs;
  for (const part of ['api', 'platform', 'hub', 'agent', 'cli'])
    for (const name of await readdir(join(root, part), { recursive: true }))
      if (/(?<!\.test)\.ts$/.test(name) && (await stat(join(root, part, name))).mtimeMs > builtMs) {
        process.stderr.write(`bench: dist/ is older than ${part}/${name}: its figures are of what was built then\n`);
        return;
      }
}

/** Prints the figures of a hub and an agent, each run by the command given. */
async function measure(
  outer: AsyncDisposableStack,
  kind: string,
  hubProgram: readonly string[],
  agentProgram: readonly string[],
): Promise<void> {
  await using undo = outer.use(new AsyncDisposableStack());
  const hub = await startHub(undo, { program: hubProgram });
  const { running: agent } = await startNode(undo, hub, { program: agentProgram });
  await delay(settleMs);
  print(`hub_${kind}_1_node`, await measureMemory(hub.pid));
  await runPods(hub, podCount);
  await delay(settleMs);
  print(`hub_${kind}_1_node_${podCount}_pods`, await measureMemory(hub.pid));
  print(`agent_${kind}_${podCount}_pods`, await measureMemory(agent.pid));
}

/**
 * Prints idle.hub_* and idle.agent_*, as checked out and as built. Hub and agent run a copy of node each:
 * pages shared with other Node processes of this machine would make a device look smaller than it is.
 */
export async function run(undo: AsyncDisposableStack): Promise<void> {
  await built();
  const directory = await temporaryDirectory(undo);
  const [hubNode, agentNode] = [join(directory, 'hub-node'), join(directory, 'agent-node')];
  for (const copy of [hubNode, agentNode]) await copyFile(process.execPath, copy);
  await measure(undo, 'checkout', [hubNode, cli], [agentNode, cli]);
  await measure(undo, 'built', [hubNode, join(root, 'dist/cli/main.js')], [agentNode, bundledAgent]);
}
