// What a check says: how it stands, what was seen, and how to mend it.

export type Finding =
  | { status: 'ok'; seen: string }
  | { status: 'warning' | 'problem'; seen: string; mend: string }
  /** There is nothing to check here; `seen` says why. */
  | { status: 'not-applicable'; seen: string };

export const ok = (seen: string): Finding => ({ status: 'ok', seen });
export const warning = (seen: string, mend: string): Finding => ({ status: 'warning', seen, mend });
export const problem = (seen: string, mend: string): Finding => ({ status: 'problem', seen, mend });
export const notApplicable = (seen: string): Finding => ({ status: 'not-applicable', seen });

const weights: Record<Finding['status'], number> = { 'not-applicable': 0, ok: 1, warning: 2, problem: 3 };

/** The worst of several findings; its text tells of all that are as bad. */
export function worstOf(findings: readonly Finding[], none: Finding): Finding {
  const worst = findings.reduce((most, { status }) => Math.max(most, weights[status]), -1);
  const same = findings.filter(({ status }) => weights[status] === worst);
  const [first] = same;
  if (first === undefined) return none;
  return { ...first, seen: same.map(({ seen }) => seen).join('; ') };
}

/** Bytes for people, in the units of disks' and memory's tools: 1.5 GiB. */
export function humanBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10), units.length - 1);
  const value = bytes / 2 ** (10 * power);
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

/** A share as whole percent. */
export function formatPercent(ratio: number): string {
  return `${Math.round(ratio * 100)} %`;
}
