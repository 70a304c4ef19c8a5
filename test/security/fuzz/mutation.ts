// The byte mutator: small damage to bytes that were right, wherever it falls.
import fc, { type Arbitrary } from 'fast-check';

type Mutation = {
  kind: 'flip' | 'set' | 'delete' | 'repeat' | 'insert' | 'truncate' | 'move' | 'overwrite';
  /** Where, as a share of the length. */
  at: number;
  /** How many bytes, how often, or which value. */
  amount: number;
  token: string;
};

/** What breaks parsers when it stands in the wrong place. */
const tokens: readonly string[] = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  ':',
  'null',
  '1e999',
  '-9223372036854775809',
  '"__proto__":{"polluted":true},',
  '"metadata":{},',
  '\\u0000',
  '\\ud800',
  '\\',
  '\u0000',
  '\xff\xfe',
  '\xc0\xae',
  '\xef\xbb\xbf',
  '\r\n',
  '\r\n\r\n',
  '\n',
  '%00',
  '%2f',
  '../',
  '&a [*a]',
  '*a',
  '<<: ',
  '!!js/function ',
  '---\n',
  '\t',
  '# ',
  '|\n',
  '\x0a\xff\xff\xff\xff\x0f',
  '\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01',
  '\x0a\x00',
  '\x0b',
  '\x0c',
  '\x08\x80',
  'k8s\u0000',
  ';',
  ' ',
  '=',
  '&',
  '/',
  '-1',
  '99999',
];

const mutation: Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom<Mutation['kind']>(
    'flip',
    'set',
    'delete',
    'repeat',
    'insert',
    'truncate',
    'move',
    'overwrite',
    'insert',
    'flip',
  ),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  amount: fc.nat({ max: 255 }),
  token: fc.constantFrom(...tokens),
});

/** Some damage, most often a little. */
export const mutations: Arbitrary<readonly Mutation[]> = fc.oneof(
  { weight: 3, arbitrary: fc.array(mutation, { minLength: 1, maxLength: 2 }) },
  { weight: 1, arbitrary: fc.array(mutation, { minLength: 2, maxLength: 12 }) },
);

export function mutate(bytes: Uint8Array, list: readonly Mutation[]): Buffer {
  let result: Buffer = Buffer.from(bytes);
  for (const one of list) result = mutateOnce(result, one);
  return result;
}

function mutateOnce(bytes: Buffer, { kind, at, amount, token }: Mutation): Buffer {
  const from = Math.min(Math.floor(at * bytes.length), Math.max(0, bytes.length - 1));
  const [before, after] = [bytes.subarray(0, from), bytes.subarray(from)];
  const some = after.subarray(0, 1 + (amount % 32));
  const text = Buffer.from(token, 'latin1');
  switch (kind) {
    case 'flip':
      return Buffer.concat([before, Buffer.from([(after[0] ?? 0) ^ (1 << (amount % 8))]), after.subarray(1)]);
    case 'set':
      return Buffer.concat([before, Buffer.from([amount]), after.subarray(1)]);
    case 'delete':
      return Buffer.concat([before, after.subarray(some.length)]);
    case 'repeat':
      return Buffer.concat([before, ...Array.from({ length: 1 + (amount % 64) }, () => some), after]);
    case 'insert':
      return Buffer.concat([before, text, after]);
    case 'overwrite':
      return Buffer.concat([before, text, after.subarray(text.length)]);
    case 'truncate':
      return before;
    case 'move':
      return Buffer.concat([after.subarray(some.length), some, before]);
  }
}
