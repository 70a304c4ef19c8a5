// Bytes that an idle node with three pods costs on the wire, as IP packets,
// both directions: the agent lives in a network namespace of its own, and
// nftables counts there all that goes through the pair of interfaces to the hub.
import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { checkout, runPods, startHub, startNode } from './cluster.ts';
import { figure } from './figures.ts';

const settleMs = 90_000;
const minutes = 3;
const podCount = 3;
/** Counters by direction, as the device sees it. */
const table = `table inet bench {
  counter up { }
  counter down { }
  chain o { type filter hook output priority 0; oifname != "lo" ip version 4 counter name up; }
  chain i { type filter hook input priority 0; iifname != "lo" ip version 4 counter name down; }
}`;

async function command(...[file = '', ...args]: string[]): Promise<string> {
  return (await promisify(execFile)(file, args)).stdout;
}

/** A namespace that reaches this one by a pair of interfaces; `enter` is put before a command to run in it. */
async function layWire(undo: AsyncDisposableStack): Promise<{ enter: string[]; hubAddress: string }> {
  const name = `skb${process.pid}`;
  // Of 198.18.0.0/15, which is for benchmarks; four addresses a process.
  const subnet = `198.18.${(process.pid >> 6) & 255}`;
  const first = (process.pid & 63) * 4;
  const [hubAddress, agentAddress] = [`${subnet}.${first + 1}`, `${subnet}.${first + 2}`];
  const enter = ['ip', 'netns', 'exec', name];
  await command('ip', 'netns', 'add', name);
  // Both interfaces and the counters go with it.
  undo.defer(async () => {
    await command('ip', 'netns', 'delete', name);
  });
  await command('ip', 'link', 'add', `${name}h`, 'type', 'veth', 'peer', 'name', `${name}a`, 'netns', name);
  await command('ip', 'address', 'add', `${hubAddress}/30`, 'dev', `${name}h`);
  await command('ip', 'link', 'set', `${name}h`, 'up');
  await command(...enter, 'ip', 'address', 'add', `${agentAddress}/30`, 'dev', `${name}a`);
  for (const device of ['lo', `${name}a`]) await command(...enter, 'ip', 'link', 'set', device, 'up');
  await command(...enter, 'nft', table);
  return { enter, hubAddress };
}

type Count = { bytes: number; packets: number };
type Counts = { up: Count; down: Count };

async function readCounts(enter: readonly string[]): Promise<Counts> {
  const text = await command(...enter, 'nft', '-j', 'list', 'counters');
  const { nftables } = JSON.parse(text) as { nftables: { counter?: Count & { name: string } }[] };
  const find = (name: string): Count => {
    const found = nftables.find(({ counter }) => counter?.name === name)?.counter;
    if (found === undefined) throw new Error(`nft lists no counter ${name}`);
    return found;
  };
  return { up: find('up'), down: find('down') };
}

/** Prints wire.bytes_per_min, its two directions, and wire.packets_per_min: means of the minutes. */
export async function run(undo: AsyncDisposableStack): Promise<void> {
  const { enter, hubAddress } = await layWire(undo);
  const hub = await startHub(undo, { bindAddress: hubAddress });
  await startNode(undo, hub, { program: [...enter, ...checkout] });
  await runPods(hub, podCount);
  await delay(settleMs);
  const before = await readCounts(enter);
  await delay(minutes * 60_000);
  const after = await readCounts(enter);
  const perMinute = (way: keyof Counts, what: keyof Count): number => (after[way][what] - before[way][what]) / minutes;
  const [up, down] = [perMinute('up', 'bytes'), perMinute('down', 'bytes')];
  figure({ name: 'wire.bytes_per_min', value: up + down, unit: 'B/min' });
  figure({ name: 'wire.up_bytes_per_min', value: up, unit: 'B/min' });
  figure({ name: 'wire.down_bytes_per_min', value: down, unit: 'B/min' });
  figure({
    name: 'wire.packets_per_min',
    value: perMinute('up', 'packets') + perMinute('down', 'packets'),
    unit: '1/min',
  });
}
