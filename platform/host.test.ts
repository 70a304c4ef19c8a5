// What is read of this machine, and of one below another root.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { createHost } from './host.ts';

describe('the host', () => {
  it('reads this machine', async () => {
    const host = createHost();
    assert.match((await host.read('/proc/uptime')) ?? '', /^\d+\.\d+ \d+\.\d+$/);
    assert.ok((await host.list('/proc/self/ns')).includes('net'));
    const space = await host.space('/');
    assert.ok(space !== undefined && space.freeBytes > 0 && space.freeBytes <= space.totalBytes);
    assert.equal(await host.run('echo', ['well']), 'well');
  });

  it('has nothing to say of what is not there, and of what fails', async () => {
    const host = createHost();
    assert.equal(await host.read('/proc/none'), undefined);
    assert.equal(await host.read('/proc'), undefined);
    assert.deepEqual(await host.list('/proc/uptime'), []);
    assert.equal(await host.space('/none/such'), undefined);
    assert.equal(await host.modifiedMs('/none/such'), undefined);
    assert.equal(await host.run('false', []), undefined);
    assert.equal(await host.run('/none/such', []), undefined);
  });

  it('reads another machine below its root, and runs none of its programs', async () => {
    const root = await mkdtemp(join(tmpdir(), 'skerry-host-'));
    try {
      await writeFile(join(root, 'config.gz'), gzipSync('CONFIG_VETH=y\n'));
      const host = createHost(root);
      assert.equal(await host.read('/config.gz'), 'CONFIG_VETH=y');
      assert.deepEqual(await host.list('/'), ['config.gz']);
      assert.equal(await host.run('echo', ['well']), undefined);
    } finally {
      await rm(root, { recursive: true });
    }
  });
});
