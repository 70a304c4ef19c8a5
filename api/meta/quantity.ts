// Resource quantities: `500m`, `1.5Gi`, `2e3`.
// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/

const binary: Record<string, number> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60 };
/** Powers of ten: put behind the digits, so that the number is as exact as its text. */
const decimalPowers: Record<string, number> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };

const pattern = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?\d+))?$/;

/** The text that Kubernetes answers when a quantity can't be parsed. */
export const quantityFormatMessage =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/** The number that a quantity stands for, or undefined when it is none. Ints are taken as they are. */
export function parseQuantity(quantity: string | number | undefined): number | undefined {
  if (quantity === undefined) return undefined;
  const match = pattern.exec(String(quantity));
  if (match === null) return undefined;
  const [, digits, binarySuffix, decimalSuffix, exponent] = match;
  if (binarySuffix !== undefined) return Number(digits) * (binary[binarySuffix] ?? Number.NaN);
  return Number(`${digits}e${exponent ?? decimalPowers[decimalSuffix ?? '']}`);
}

/** CPU quantities in thousandths of a core, rounded up; 0 when absent or wrong. */
export function cpuMillis(quantity: string | number | undefined): number {
  return Math.ceil(Number(((parseQuantity(quantity) ?? 0) * 1000).toFixed(6)));
}

/** Memory and storage quantities in bytes, rounded up; 0 when absent or wrong. */
export function quantityBytes(quantity: string | number | undefined): number {
  return Math.ceil(parseQuantity(quantity) ?? 0);
}

/** Bytes as a quantity with the largest binary suffix that divides them. */
export function formatBytes(bytes: number): string {
  for (const suffix of ['Ei', 'Pi', 'Ti', 'Gi', 'Mi', 'Ki']) {
    const unit = binary[suffix] ?? 1;
    if (bytes >= unit && bytes % unit === 0) return `${bytes / unit}${suffix}`;
  }
  return String(bytes);
}
