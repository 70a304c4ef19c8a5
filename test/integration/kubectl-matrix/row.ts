// A row of the matrix: one use of a subcommand and what must be true after it,
// and the table of all rows and versions that a run prints.
import type { KubectlVersion } from '../../support/client-binary.ts';
import type { Seat } from './seat.ts';

/** Runs the subcommand at a seat and asserts its effect. */
export type Run = (seat: Seat) => Promise<void>;
export type Row = {
  /** As one types it: `create secret tls`. */
  command: string;
  /** Which use of it. */
  use: string;
  /** Changes the node for all: runs when nothing else does. */
  alone: boolean;
  /** The version of kubectl that has it first. */
  since: KubectlVersion;
  run: Run;
};

/** Rows of one subcommand, by their use. */
export function rowsOf(command: string, uses: Record<string, Run>, more: Partial<Row> = {}): Row[] {
  return Object.entries(uses).map(([use, run]) => ({ command, use, alone: false, since: '1.32', run, ...more }));
}

export type Outcome = 'pass' | 'FAIL' | '-';

/** Results by row and version, as text with a line each row. */
export class Table {
  #versions: readonly KubectlVersion[];
  #outcomes = new Map<Row, Map<KubectlVersion, Outcome>>();

  constructor(rows: readonly Row[], versions: readonly KubectlVersion[]) {
    this.#versions = versions;
    for (const row of rows) this.#outcomes.set(row, new Map(versions.map((version) => [version, '-'])));
  }

  set(row: Row, version: KubectlVersion, outcome: Outcome): void {
    this.#outcomes.get(row)?.set(version, outcome);
  }

  /** The lines of the table and of its sums. */
  lines(): string[] {
    const titles = [...this.#outcomes.keys()].map((row) => `${row.command}: ${row.use}`);
    const width = Math.max(...titles.map((title) => title.length));
    const head = `${'kubectl'.padEnd(width)}  ${this.#versions.join('  ')}`;
    const body = [...this.#outcomes.values()].map((outcomes, index) => {
      const cells = this.#versions.map((version) => (outcomes.get(version) ?? '-').padEnd(4));
      return `${(titles[index] ?? '').padEnd(width)}  ${cells.join('  ')}`.trimEnd();
    });
    const sums = this.#versions.map((version) => {
      const outcomes = [...this.#outcomes.values()].map((byVersion) => byVersion.get(version));
      const count = (outcome: Outcome): number => outcomes.filter((item) => item === outcome).length;
      return `kubectl ${version}: ${count('pass')} pass, ${count('FAIL')} fail, ${count('-')} not run`;
    });
    return [head, ...body, ...sums];
  }
}
