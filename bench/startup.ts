// How long a hub with 100,000 objects takes to start: from its process to the
// line that says that it serves.
import { addUser, startHub, temporaryDirectory } from './cluster.ts';
import { figure, median } from './figures.ts';
import { Generator } from './load/process.ts';

const objects = 100_000;
const dataBytes = 650;
const runs = 5;

/** Prints startup.empty_ms and startup.100000_objects_ms: medians of the runs. */
export async function run(outer: AsyncDisposableStack): Promise<void> {
  const directory = await temporaryDirectory(outer);
  const start = async (): Promise<number> => {
    await using undo = outer.use(new AsyncDisposableStack());
    const beganMs = performance.now();
    await startHub(undo, { directory });
    return performance.now() - beganMs;
  };
  const measure = async (name: string): Promise<void> => {
    const took: number[] = [];
    for (let turn = 0; turn < runs; turn += 1) took.push(await start());
    figure({ name: `startup.${name}_ms`, value: median(took), unit: 'ms' });
  };
  await start();
  await measure('empty');
  {
    await using undo = outer.use(new AsyncDisposableStack());
    const hub = await startHub(undo, { directory });
    const generator = await Generator.start(undo, await addUser(hub));
    await generator.do({ kind: 'fill', count: objects, dataBytes });
  }
  await measure(`${objects}_objects`);
}
