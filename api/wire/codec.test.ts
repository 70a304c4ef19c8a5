// Frames as bytes: every frame comes back as it was, small ones stay small, and
// damaged or hostile bytes are refused.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { decodeFrame, encodeFrame, FrameError } from './codec.ts';
import type { DownFrame, UpFrame } from './frames.ts';
import { maxFrameBytes, maxInflatedBytes } from './limits.ts';

const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } as never;
const frames: (UpFrame | DownFrame)[] = [
  { type: 'hello', version: 1, agentVersion: '0.1.0', bootId: 'b', digest: 'd' },
  { type: 'want', keys: ['pods/default/a', 'nodes/n'] },
  { type: 'synced', digest: '' },
  { type: 'report', seq: 2 ** 40, items: [{ kind: 'pod', namespace: 'default', name: 'a', uid: 'u', status }] },
  { type: 'data', id: 7, bytes: new Uint8Array([0, 1, 255]) },
  { type: 'data', id: 7, bytes: new Uint8Array(10_000).fill(7) },
  { type: 'end', id: 7, error: { reason: 'NotFound', message: 'ünï ✓' } },
  { type: 'welcome', version: 1, hubVersion: '0.1.0', timeMs: 1_700_000_000_123 },
  {
    type: 'sync',
    upserts: [['configmaps/default/a', { metadata: { name: 'a' }, data: { k: 'v'.repeat(1000), empty: '' } }]],
    deletes: ['pods/default/b'],
    digest: 'd',
    more: false,
  },
  { type: 'manifest', manifest: { 'pods/default/a': 'hash' }, digest: 'd' },
  { type: 'ack', seq: 0, failed: [1, 2] },
  { type: 'credit', id: 1, bytes: 1 },
];

describe('round trip', () => {
  for (const frame of frames) {
    it(`${frame.type}, ${JSON.stringify(frame).length} characters`, () => {
      const decoded = decodeFrame(encodeFrame(frame)) as UpFrame | DownFrame;
      if (decoded.type !== 'data') assert.deepEqual(decoded, frame);
      else
        assert.deepEqual(
          { ...decoded, bytes: [...decoded.bytes] },
          { ...frame, bytes: [...(frame as { bytes: Uint8Array }).bytes] },
        );
    });
  }

  it('keeps numbers, nulls and nesting of objects as they are', () => {
    const object = {
      metadata: { name: 'a' },
      spec: { zero: 0, negative: -1, big: 2 ** 53 - 1, half: 0.5, none: null, list: [[], {}] },
    };
    const frame: DownFrame = { type: 'sync', upserts: [['pods/a/b', object]], deletes: [], digest: '', more: true };
    assert.deepEqual(decodeFrame(encodeFrame(frame)), frame);
  });
});

describe('size', () => {
  it('is smaller than JSON', () => {
    for (const frame of frames.filter(({ type }) => type !== 'data'))
      assert.ok(encodeFrame(frame).length <= JSON.stringify(frame).length, frame.type);
  });

  it('is limited when sending', () => {
    // Random bytes do not deflate.
    const bytes = new Uint8Array(maxFrameBytes + 1);
    for (let start = 0; start < bytes.length; start += 65_536)
      crypto.getRandomValues(bytes.subarray(start, start + 65_536));
    assert.throws(() => encodeFrame({ type: 'data', id: 1, bytes }), FrameError);
  });

  it('is limited when receiving, before and after inflation', () => {
    assert.throws(() => decodeFrame(new Uint8Array(maxFrameBytes + 1)), FrameError);
    const bomb = Buffer.concat([Buffer.of(0x11), deflateRawSync(Buffer.alloc(maxInflatedBytes + 1))]);
    assert.ok(bomb.length < 100_000);
    assert.throws(() => decodeFrame(bomb), FrameError);
  });
});

describe('refuses', () => {
  const bytes = Buffer.from(
    encodeFrame({ type: 'want', keys: Array.from({ length: 50 }, (_, index) => `pods/default/p${index}`) }),
  );
  const cases: [title: string, bytes: Uint8Array][] = [
    ['nothing', Buffer.alloc(0)],
    ['an unknown version', Buffer.concat([Buffer.of(0x20), bytes.subarray(1)])],
    ['JSON', Buffer.from('{"type":"want","keys":[]}')],
    ['a frame that was cut off', bytes.subarray(0, bytes.length - 5)],
    ['no object', Buffer.from([0x10, 0x01])],
    ['an object without a type', Buffer.from([0x10, 0x80])],
    ['a list', Buffer.from([0x10, 0x90])],
    ['more than one value', Buffer.from([0x10, 0x80, 0x80])],
  ];
  for (const [title, damaged] of cases) it(title, () => assert.throws(() => decodeFrame(damaged), FrameError));

  it('any single flipped byte, or reads it as a frame', () => {
    for (let offset = 0; offset < bytes.length; offset += 1) {
      const damaged = Buffer.from(bytes);
      damaged[offset] = (damaged[offset] ?? 0) ^ 0x55;
      try {
        assert.equal(typeof (decodeFrame(damaged) as { type: unknown }).type, 'string');
      } catch (error) {
        assert.ok(error instanceof FrameError, `byte ${offset}: ${error}`);
      }
    }
  });
});
