// Memory that a stored object takes in the hub, at 10,000 and at 100,000 of 1 KiB,
// as a multiple of its JSON: of the heap after garbage has gone, and of what is
// resident. The aim is less than 2.5.
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { callApi } from '../cli/api.ts';
import { addUser, type BenchHub, checkout, startHub } from './cluster.ts';
import { figure, median } from './figures.ts';
import { Inspector, inspected } from './inspector.ts';
import { Generator } from './load/process.ts';
import { configMaps } from './objects.ts';

const counts = [10_000, 100_000];
const runs = 3;
/** With what the server adds, about 1 KiB of JSON. */
const dataBytes = 650;
/** History is forgotten sooner than in production, so that objects are measured and not what they were. */
const compactionInterval = '2s';
const settleMs = 6000;
const pageBytes = 4096;

type Memory = { heapBytes: number; residentBytes: number };

async function measure({ pid }: BenchHub, inspector: Inspector): Promise<Memory> {
  await delay(settleMs);
  const heapBytes = await inspector.usedBytes();
  const residentBytes = Number((await readFile(`/proc/${pid}/statm`, 'utf8')).split(' ')[1]) * pageBytes;
  return { heapBytes, residentBytes };
}

/** Bytes an object more, and bytes of JSON that one has. */
async function fillOne(outer: AsyncDisposableStack, count: number): Promise<Memory & { jsonBytes: number }> {
  await using undo = outer.use(new AsyncDisposableStack());
  const [node = '', ...entry] = checkout;
  const args = ['--compaction-interval', compactionInterval];
  const hub = await startHub(undo, { program: [node, inspected, ...entry], args });
  const inspector = await Inspector.connect(undo, hub.complaint());
  const generator = await Generator.start(undo, await addUser(hub));
  const before = await measure(hub, inspector);
  await generator.do({ kind: 'fill', count, dataBytes });
  const after = await measure(hub, inspector);
  const { body } = await callApi(hub.config, 'GET', `${configMaps}/fill-0`);
  return {
    heapBytes: (after.heapBytes - before.heapBytes) / count,
    residentBytes: (after.residentBytes - before.residentBytes) / count,
    jsonBytes: Buffer.byteLength(JSON.stringify(body)),
  };
}

/** Prints memory.json_bytes, memory.N_heap_ratio and memory.N_resident_ratio: medians of the runs. */
export async function run(undo: AsyncDisposableStack): Promise<void> {
  for (const count of counts) {
    const all: Awaited<ReturnType<typeof fillOne>>[] = [];
    for (let turn = 0; turn < runs; turn += 1) all.push(await fillOne(undo, count));
    const ratio = (pick: (memory: Memory) => number): number =>
      median(all.map((memory) => pick(memory) / memory.jsonBytes));
    if (count === counts[0])
      figure({ name: 'memory.json_bytes', value: median(all.map(({ jsonBytes }) => jsonBytes)), unit: 'B' });
    figure({ name: `memory.${count}_heap_ratio`, value: ratio(({ heapBytes }) => heapBytes), unit: 'x' });
    figure({ name: `memory.${count}_resident_ratio`, value: ratio(({ residentBytes }) => residentBytes), unit: 'x' });
  }
}
