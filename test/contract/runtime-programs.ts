// What containers run in the runtime's contract: shell scripts for real engines,
// and what a simulated one does in their place.
import assert from 'node:assert/strict';
import { type ContainerSpec, missingLogNotice } from '../../agent/runtime/runtime.ts';
import type { Behaviour } from '../../agent/runtime/simulated/simulated-engine.ts';

/** Much more than the engine keeps of a log, printed at 10 MB/s. */
export const poured = { lines: 36_000, filler: 'x'.repeat(990), together: 1000 };
export const longLine = 'y'.repeat(50_000);

/** Scripts, and what they do in a simulated engine. */
export const programs = {
  forever: {
    script: 'trap "exit 0" TERM; while :; do sleep 1 & wait; done',
    behaviour: { onTerm: 10, termExitCode: 0 },
  },
  stubborn: { script: 'trap "" TERM; while :; do sleep 1; done', behaviour: { onTerm: 'ignored' } },
  succeeds: { script: 'exit 0', behaviour: { runsMs: 50, exitCode: 0 } },
  fails: { script: 'exit 3', behaviour: { runsMs: 50, exitCode: 3 } },
  talks: {
    script: 'echo one; sleep 1; echo two; echo three; sleep 1; exit 0',
    behaviour: {
      output: [
        { afterMs: 0, text: 'one' },
        { afterMs: 1000, text: 'two' },
        { afterMs: 1000, text: 'three' },
      ],
      runsMs: 2000,
    },
  },
  /** Holds 40 MB. */
  hoards: {
    script:
      'trap "exit 0" TERM; x=$(head -c 40000000 /dev/zero | tr "\\0" x); echo has; while :; do sleep 1 & wait; done',
    behaviour: {
      onTerm: 10,
      termExitCode: 0,
      memoryBytes: 40_000_000,
      output: [{ afterMs: 0, text: 'has' }],
    },
  },
  pours: {
    script: `
      i=0
      while [ $i -lt ${poured.lines} ]; do
        awk -v i=$i 'BEGIN { for (n = 1; n <= ${poured.together}; n++) print i + n " ${poured.filler}" }'
        i=$((i + ${poured.together})); sleep 0.1
      done`,
    behaviour: {
      output: Array.from({ length: poured.lines }, (_, index) => ({
        afterMs: 0,
        text: `${index + 1} ${poured.filler}`,
      })),
      runsMs: 500,
    },
  },
  rambles: {
    script: `echo before; head -c ${longLine.length} /dev/zero | tr '\\0' y; echo; echo behind`,
    behaviour: { output: ['before', longLine, 'behind'].map((text) => ({ afterMs: 0, text })), runsMs: 50 },
  },
} satisfies Record<string, { script: string; behaviour: Behaviour }>;
export type ProgramName = keyof typeof programs;

/** For a simulated engine: what the program of a container does. */
export function behaviourOfProgram(spec: ContainerSpec): Behaviour | undefined {
  if (spec.command?.[0]?.includes('missing') === true) return { startError: `exec: ${spec.command[0]}: not found` };
  return Object.values(programs).find(({ script }) => script === spec.args?.at(-1))?.behaviour;
}

/** The numbers of poured lines, which must be whole and in order; `NaN` where lines are said to be missing. */
export function pouredNumbers(text: string): number[] {
  const lines = text.split('\n');
  assert.equal(lines.pop(), '');
  const numbers = lines.map((line) => {
    if (line === missingLogNotice) return Number.NaN;
    const [number, filler] = line.split(' ');
    assert.ok(filler === poured.filler, `a line is ${line.slice(0, 100)}`);
    return Number(number);
  });
  for (const [index, number] of numbers.entries()) {
    const before = numbers[index - 1];
    if (before !== undefined && !Number.isNaN(before) && !Number.isNaN(number))
      assert.equal(number, before + 1, `${number} comes after ${before}`);
  }
  return numbers;
}
