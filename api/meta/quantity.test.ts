// Resource quantities, after
// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { cpuMillis, formatBytes, parseQuantity, quantityBytes } from './quantity.ts';

it('parses every suffix and exponent', () => {
  const cases: [quantity: string | number, value: number][] = [
    ['0', 0],
    ['1', 1],
    [5, 5],
    [1.5, 1.5],
    ['+2', 2],
    ['-2', -2],
    ['1.', 1],
    ['.5', 0.5],
    ['1.5', 1.5],
    ['1n', 1e-9],
    ['1u', 1e-6],
    ['100m', 0.1],
    ['1k', 1e3],
    ['1M', 1e6],
    ['1G', 1e9],
    ['1T', 1e12],
    ['1P', 1e15],
    ['1E', 1e18],
    ['1Ki', 1024],
    ['1Mi', 1024 ** 2],
    ['1.5Gi', 1.5 * 1024 ** 3],
    ['1Ti', 1024 ** 4],
    ['1Pi', 1024 ** 5],
    ['1Ei', 1024 ** 6],
    ['1e3', 1e3],
    ['1E3', 1e3],
    ['12e-1', 1.2],
    ['1e+2', 100],
  ];
  for (const [quantity, value] of cases) assert.equal(parseQuantity(quantity), value, String(quantity));
});

it('refuses what is no quantity', () => {
  const wrong = [
    '',
    ' ',
    '.',
    '-',
    'a',
    '1 ',
    ' 1',
    '1K',
    '1ki',
    '1KI',
    '1g',
    '1mi',
    '1e',
    '1i',
    '1kk',
    '1.2.3',
    '1,5',
    '0x10',
    '1e1.5',
    '--1',
    'Infinity',
    'NaN',
    '1\n',
  ];
  for (const quantity of wrong) assert.equal(parseQuantity(quantity), undefined, JSON.stringify(quantity));
  assert.equal(parseQuantity(undefined), undefined);
  assert.equal(parseQuantity(Number.NaN), undefined);
});

it('gives CPU in thousandths of a core, rounded up', () => {
  const cases: [quantity: string | number | undefined, millis: number][] = [
    ['1', 1000],
    ['0.1', 100],
    ['100m', 100],
    ['0.5', 500],
    ['1.5', 1500],
    ['2.3', 2300],
    [2, 2000],
    ['1m', 1],
    ['0.0001', 1],
    ['1u', 1],
    ['1n', 1],
    ['1500u', 2],
    ['250000000n', 250],
    ['0', 0],
    [undefined, 0],
    ['none', 0],
  ];
  for (const [quantity, millis] of cases) assert.equal(cpuMillis(quantity), millis, String(quantity));
});

it('gives bytes, rounded up', () => {
  const cases: [quantity: string | number | undefined, bytes: number][] = [
    ['128974848', 128974848],
    ['129e6', 129000000],
    ['129M', 129000000],
    // Kubernetes' own example of a strange one.
    ['128974848000m', 128974848],
    ['123Mi', 128974848],
    ['1.1Gi', 1181116007],
    ['1.1M', 1100000],
    ['2.3M', 2300000],
    ['0.3k', 300],
    ['100m', 1],
    ['1001m', 2],
    ['3000000000n', 3],
    ['7000000u', 7],
    [64, 64],
    [undefined, 0],
    ['1GB', 0],
  ];
  for (const [quantity, bytes] of cases) assert.equal(quantityBytes(quantity), bytes, String(quantity));
});

it('never rounds whole values up because of binary fractions', () => {
  const decimals: [suffix: string, digits: number][] = [
    ['k', 3],
    ['M', 6],
    ['G', 9],
  ];
  fc.assert(
    fc.property(fc.constantFrom(...decimals), fc.nat(9999), fc.nat(999), ([suffix, digits], whole, fraction) => {
      const text = `${whole}.${String(fraction).padStart(3, '0')}`;
      assert.equal(
        quantityBytes(`${text}${suffix}`),
        whole * 10 ** digits + fraction * 10 ** (digits - 3),
        `${text}${suffix}`,
      );
      assert.equal(cpuMillis(text), whole * 1000 + fraction, text);
      assert.equal(quantityBytes(`${whole * 1000}m`), whole, `${whole * 1000}m`);
    }),
    { numRuns: 500 },
  );
});

it('formats bytes with the largest binary suffix that divides them', () => {
  const cases: [bytes: number, text: string][] = [
    [0, '0'],
    [1, '1'],
    [1023, '1023'],
    [1024, '1Ki'],
    [1025, '1025'],
    [1536, '1536'],
    [1024 ** 2, '1Mi'],
    [1.5 * 1024 ** 3, '1536Mi'],
    [8 * 1024 ** 3, '8Gi'],
    [1024 ** 6, '1Ei'],
  ];
  for (const [bytes, text] of cases) {
    assert.equal(formatBytes(bytes), text);
    assert.equal(quantityBytes(text), bytes);
  }
});
