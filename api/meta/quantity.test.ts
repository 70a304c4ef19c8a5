// Resource quantities, after
// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { canonicalQuantity, cpuMillis, formatBytes, parseQuantity, quantityBytes } from './quantity.ts';

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

it('is written as Kubernetes writes it', () => {
  const cases: [quantity: string | number, canonical: string][] = [
    ['0', '0'],
    ['0Mi', '0'],
    ['0e5', '0'],
    ['-0', '0'],
    ['0.5', '500m'],
    [0.5, '500m'],
    ['.5', '500m'],
    ['1.', '1'],
    ['+1', '1'],
    ['01', '1'],
    [2, '2'],
    [' 1 ', '1'],
    ['100m', '100m'],
    ['1000m', '1'],
    ['1500m', '1500m'],
    ['2.5', '2500m'],
    ['1000', '1k'],
    ['1001', '1001'],
    ['1500', '1500'],
    ['1000k', '1M'],
    ['0.001M', '1k'],
    ['1000000000n', '1'],
    ['1000u', '1m'],
    ['0.1n', '1n'],
    ['1.0000000001', '1000000001n'],
    ['-0.5', '-500m'],
    ['-1000', '-1k'],
    ['-0.0000000001', '-1n'],
    ['1024Mi', '1Gi'],
    ['1024Ki', '1Mi'],
    ['1.5Gi', '1536Mi'],
    ['2000Mi', '2000Mi'],
    ['1Ki', '1Ki'],
    ['1.5Ki', '1536'],
    ['3Ki', '3Ki'],
    ['0.5Ki', '512'],
    ['0.1Gi', '107374182400m'],
    ['-1024Mi', '-1Gi'],
    ['1e3', '1e3'],
    ['1E3', '1e3'],
    ['1000e0', '1e3'],
    ['1e4', '10e3'],
    ['1500e0', '1500'],
    ['12e-1', '1200e-3'],
    ['5e-10', '1e-9'],
    ['1e-1000000000', '1e-9'],
    ['1E', '1E'],
    ['9223372036854775807', '9223372036854775807'],
    ['9223372036854775808', '9223372036854775807'],
    ['8Ei', '9223372036854775807'],
    ['100E', '9223372036854775807'],
    ['1e1000000000', '9223372036854775807'],
    ['128974848000m', '128974848'],
  ];
  for (const [quantity, canonical] of cases) {
    assert.equal(canonicalQuantity(quantity), canonical, String(quantity));
    assert.equal(canonicalQuantity(canonical), canonical, `${canonical} again`);
  }
  for (const wrong of ['', '1GB', 'x', '1 Gi', '.', '1e', Number.NaN])
    assert.equal(canonicalQuantity(wrong), undefined);
});

it('is the same amount in its canonical form, however it is written', () => {
  const digits = fc.tuple(fc.nat(99_999), fc.constantFrom('', '.5', '.25', '.125', '.001'));
  const suffix = fc.constantFrom('', 'm', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'e3', 'e-2');
  fc.assert(
    fc.property(digits, suffix, ([whole, fraction], unit) => {
      const text = `${whole}${fraction}${unit}`;
      const canonical = canonicalQuantity(text) ?? '';
      assert.ok(Math.abs((parseQuantity(canonical) ?? Number.NaN) - (parseQuantity(text) ?? 0)) < 1e-6, text);
      assert.equal(canonicalQuantity(canonical), canonical, text);
    }),
  );
});

it('is read in no time, however long it is', () => {
  const long = '9'.repeat(1 << 20);
  assert.equal(canonicalQuantity(long), '9223372036854775807');
  assert.equal(canonicalQuantity(`0.${long}`), '1');
  assert.equal(canonicalQuantity(`0.${'0'.repeat(1 << 20)}1Ki`), '1n');
  assert.equal(canonicalQuantity(`${'0'.repeat(1 << 20)}1Ki`), '1Ki');
});
