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

/** Thousandths, such as of a core, as a quantity. */
export function formatMillis(millis: number): string {
  return millis % 1000 === 0 ? String(millis / 1000) : `${millis}m`;
}

/** Digits beyond these change neither a capped value nor how a fraction is rounded. */
const maxDigits = 40;
const nanoDigits = 9;
/** Kubernetes' largest amount, 2^63 - 1, in billionths; what is more counts as this. */
const maxNanos = (2n ** 63n - 1n) * 10n ** 9n;
const binaryNames = Object.keys(binary);
/** Suffixes by thousands, beginning with billionths. */
const decimalNames = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];

/** The whole number that stands before the last `count` digits, rounded up; with zeros behind it when that is negative. */
function dropDigits(digits: string, count: number): bigint {
  const significant = digits.replace(/^0+/, '');
  if (significant === '') return 0n;
  if (significant.length - count > maxDigits) return maxNanos;
  if (count <= 0) return BigInt(significant) * 10n ** BigInt(-count);
  const kept = BigInt(significant.slice(0, -count) || '0');
  return /[1-9]/.test(significant.slice(-count)) ? kept + 1n : kept;
}

/** Billionths of a whole number with a fraction, times a factor; rounded up. */
function nanosOf(whole: string, fraction: string, factor: bigint): bigint {
  if (whole.replace(/^0+/, '').length > maxDigits) return maxNanos;
  // What is cut off here is seen only in that it is not nothing.
  const rest = /[1-9]/.test(fraction.slice(maxDigits)) ? '1' : '';
  const digits = fraction.slice(0, maxDigits) + rest;
  return dropDigits(String(BigInt(whole + digits) * factor), digits.length - nanoDigits);
}

/**
 * The text that Kubernetes stores and serves for a quantity: the fewest digits with no fraction, in the format that
 * it was written in; amounts below 1024 and fractions of bytes in decimal. Rounded up to billionths. Undefined when
 * it is no quantity.
 */
export function canonicalQuantity(quantity: string | number): string | undefined {
  const match = pattern.exec(String(quantity).trim());
  if (match === null) return undefined;
  const [, number = '', binarySuffix, decimalSuffix = '', exponent] = match;
  const sign = number.startsWith('-') ? '-' : '';
  const [whole = '', fraction = ''] = number.replace(/^[+-]/, '').split('.');
  const power = exponent === undefined ? (decimalPowers[decimalSuffix] ?? 0) : Number(exponent);
  // A power of ten moves the point: by more than there can be digits it makes nothing, or too much.
  const shift = Math.max(-2 * maxDigits - whole.length, Math.min(2 * maxDigits + fraction.length, power)) + nanoDigits;
  const exact =
    binarySuffix === undefined
      ? dropDigits(whole + fraction, fraction.length - shift)
      : nanosOf(whole || '0', fraction, BigInt(binary[binarySuffix] ?? 1));
  const nanos = exact > maxNanos ? maxNanos : exact;
  if (nanos === 0n) return '0';
  const isWhole = nanos % 10n ** 9n === 0n;
  if (binarySuffix !== undefined && isWhole && nanos >= 1024n * 10n ** 9n) return sign + inBinary(nanos / 10n ** 9n);
  return sign + inDecimal(nanos, exponent !== undefined);
}

function inBinary(amount: bigint): string {
  let [value, power] = [amount, 0];
  while (value % 1024n === 0n && power < binaryNames.length) [value, power] = [value / 1024n, power + 1];
  return `${value}${binaryNames[power - 1] ?? ''}`;
}

function inDecimal(nanos: bigint, hasExponent: boolean): string {
  let [value, power] = [nanos, 0];
  while (value % 1000n === 0n && power < decimalNames.length - 1) [value, power] = [value / 1000n, power + 1];
  const exponent = 3 * power - nanoDigits;
  if (hasExponent) return exponent === 0 ? String(value) : `${value}e${exponent}`;
  return `${value}${decimalNames[power]}`;
}
