// npm run bench -- NAME: says which machine it is, then runs one bench, which
// prints its figures. Whatever a bench leaves on the machine (processes,
// containers, directories) is removed however it ends.
import { run as api } from './api.ts';
import { machine } from './figures.ts';
import { run as flash } from './flash.ts';
import { run as idle } from './idle.ts';
import { run as memory } from './memory.ts';
import { run as start } from './start.ts';
import { run as startup } from './startup.ts';
import { run as store } from './store.ts';
import { run as watch } from './watch.ts';
import { run as wire } from './wire.ts';

/** A bench; what it defers on `undo` is done after it, last first. */
type Bench = (undo: AsyncDisposableStack) => Promise<void>;

const benches: Record<string, Bench> = { store, api, watch, memory, startup, idle, start, wire, flash };

async function main(args: string[]): Promise<number> {
  const [name = '', ...rest] = args;
  const bench = Object.hasOwn(benches, name) ? benches[name] : undefined;
  if (bench === undefined || rest.length > 0) {
    const found = args.length === 0 ? 'none' : JSON.stringify(args.join(' '));
    process.stderr.write(`bench: expected one of ${Object.keys(benches).join(', ')}, found ${found}\n`);
    return 2;
  }
  process.stdout.write(`${machine()}\n`);
  const undo = new AsyncDisposableStack();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void undo.disposeAsync().finally(() => process.exit(1)));
  try {
    await bench(undo);
  } finally {
    await undo.disposeAsync();
  }
  return 0;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
