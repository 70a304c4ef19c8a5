// The sandbox image: a tar archive that tar reads, a program that the kernel
// takes as an executable of its architecture, and that waits without an end.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { pauseImageTar } from './pause-image.ts';

const machines: [architecture: string, machine: number, bits: 32 | 64][] = [
  ['amd64', 62, 64],
  ['arm64', 183, 64],
  ['arm', 40, 32],
];

/** The one file of the archive. */
function fileOf(tar: Buffer): Buffer {
  return tar.subarray(512, 512 + Number.parseInt(tar.toString('latin1', 124, 135), 8));
}

for (const [architecture, machine, bits] of machines) {
  describe(architecture, () => {
    const tar = pauseImageTar(architecture);
    const elf = fileOf(tar);

    it('is a ustar archive of one executable file', () => {
      assert.equal(tar.length % 512, 0);
      assert.equal(tar.toString('latin1', 257, 262), 'ustar');
      assert.equal(tar.toString('latin1', 0, 6), 'pause\0');
      assert.equal(Number.parseInt(tar.toString('latin1', 100, 107), 8), 0o755);
      const header = Buffer.from(tar.subarray(0, 512)).fill(0x20, 148, 156);
      const sum = header.reduce((total, byte) => total + byte, 0);
      assert.equal(Number.parseInt(tar.toString('latin1', 148, 154), 8), sum);
      assert.ok(tar.subarray(-1024).every((byte) => byte === 0));
    });

    it('is an ELF executable of its machine', () => {
      assert.equal(elf.toString('latin1', 0, 4), '\x7fELF');
      assert.equal(elf[4], bits === 64 ? 2 : 1);
      assert.equal(elf.readUInt16LE(16), 2);
      assert.equal(elf.readUInt16LE(18), machine);
    });

    it('has one segment, of the whole file, in which it begins', () => {
      const wide = bits === 64;
      const word = (offset: number): number => (wide ? Number(elf.readBigUInt64LE(offset)) : elf.readUInt32LE(offset));
      const table = word(wide ? 32 : 28);
      assert.equal(elf.readUInt16LE(wide ? 56 : 44), 1);
      assert.equal(elf.readUInt32LE(table), 1);
      const [address, size] = wide ? [word(table + 16), word(table + 32)] : [word(table + 8), word(table + 16)];
      assert.equal(size, elf.length);
      const start = word(24) - address;
      assert.ok(start >= table && start < elf.length, `entry at ${start} of ${elf.length}`);
    });
  });
}

it('knows no other architecture', () => assert.throws(() => pauseImageTar('mips'), /amd64, arm64, arm/));

it('waits until it is killed', { skip: process.arch !== 'x64' && process.arch !== 'arm64' }, async (test) => {
  const directory = mkdtempSync(join(tmpdir(), 'skerry-pause-'));
  test.after(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(join(directory, 'image.tar'), pauseImageTar(process.arch === 'x64' ? 'amd64' : 'arm64'));
  const unpacked = spawnSync('tar', ['-xf', 'image.tar'], { cwd: directory, encoding: 'utf8' });
  assert.equal(unpacked.status, 0, unpacked.stderr);
  const child = spawn(join(directory, 'pause'));
  const exited = once(child, 'exit');
  await once(child, 'spawn');
  // A program that can't run ends by itself, with another signal or a code.
  assert.equal(child.exitCode, null);
  child.kill('SIGTERM');
  assert.deepEqual(await exited, [null, 'SIGTERM']);
});
