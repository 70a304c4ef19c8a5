// How a benchmark says what it measured: one line a figure, the same figure of
// a rival on the same machine beside it, so that lines can be compared by a
// script as well as read.
import { availableParallelism, cpus, release, totalmem } from 'node:os';

export type Figure = { name: string; value: number; unit: string; rival?: string; rivalValue?: number };

/** Four digits are more than any of these measurements is good for. */
function round(value: number): number {
  return Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(4));
}

/** Prints one line: figure=store.creates_per_s.64 value=9076 unit=1/s rival=etcd-3.4.23 rival_value=1025 ratio=8.85 */
export function figure({ name, value, unit, rival, rivalValue }: Figure): void {
  const parts = [`figure=${name}`, `value=${round(value)}`, `unit=${unit}`];
  if (rival !== undefined) parts.push(`rival=${rival}`);
  if (rivalValue !== undefined)
    parts.push(`rival_value=${round(rivalValue)}`, `ratio=${(value / rivalValue).toFixed(2)}`);
  process.stdout.write(`${parts.join(' ')}\n`);
}

/** The middle value; the mean of the two middle ones of an even number. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[sorted.length / 2 - 1] ?? Number.NaN)) / 2;
}

/** The smallest value that at least `p` percent of the values do not exceed. NaN of none. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)] ?? Number.NaN;
}

/** The machine that the figures are of, in one line. */
export function machine(): string {
  const model = (cpus()[0]?.model ?? 'unknown').trim().replaceAll(/\s+/g, '-');
  const memoryGib = (totalmem() / 2 ** 30).toFixed(1);
  return `machine cores=${availableParallelism()} cpu=${model} memory=${memoryGib}GiB kernel=${release()} node=${process.version}`;
}
