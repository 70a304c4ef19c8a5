// Who may use a counted token, and who uses it up.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { decideTokenUse, readTokenUses, type TokenUse } from './token-uses.ts';

const a: TokenUse = { key: 'a', hardwareId: 'serial-a' };
const b: TokenUse = { key: 'b', hardwareId: 'serial-b' };

it('counts devices up to the limit', () => {
  assert.deepEqual(decideTokenUse([], 2, a), { kind: 'counted', uses: [a] });
  assert.deepEqual(decideTokenUse([a], 2, b), { kind: 'counted', uses: [a, b] });
  assert.deepEqual(decideTokenUse([a, b], 2, { key: 'c' }), { kind: 'used-up' });
  assert.deepEqual(decideTokenUse([], 0, a), { kind: 'used-up' });
});

it('knows a device again by its key', () => {
  assert.deepEqual(decideTokenUse([a], 1, a), { kind: 'known' });
  assert.deepEqual(decideTokenUse([a], 1, { key: 'a', hardwareId: 'serial-other' }), { kind: 'known' });
});

it('lets a board with a new key take over its own use, but not of a token that is used up', () => {
  const again = { key: 'new', hardwareId: 'serial-a' };
  assert.deepEqual(decideTokenUse([a, b], 3, again), { kind: 'counted', uses: [b, again] });
  assert.deepEqual(decideTokenUse([a], 1, again), { kind: 'used-up' });
  assert.deepEqual(decideTokenUse([{ key: 'x' }], 3, { key: 'y' }), {
    kind: 'counted',
    uses: [{ key: 'x' }, { key: 'y' }],
  });
});

it('takes an edited list for a full one', () => {
  assert.deepEqual(readTokenUses(''), []);
  assert.deepEqual(readTokenUses(JSON.stringify([a])), [a]);
  for (const text of ['{', '{}', '[1]', '[{}]', 'null']) {
    assert.equal(readTokenUses(text), undefined, text);
    assert.deepEqual(decideTokenUse(readTokenUses(text), 5, a), { kind: 'used-up' });
  }
});
