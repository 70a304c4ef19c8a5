// skerry flash as people use it, on loop devices that were full of something else
// and on files: the drive holds the image bit by bit, what must not be written is
// not, and a bad image is never called good. Needs root, and Debian's fdisk,
// dosfstools, mtools and util-linux.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  constants,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { readDeviceConfig } from '../../api/device/config.ts';
import type { ImageManifest } from '../../firmware-images/manifest.ts';
import { type DiskImage, hasPartitionTable, makeDiskImage, noise, readBootFile } from '../support/disk-image.ts';
import { runFlash } from '../support/flash-command.ts';
import { driveDirectory, LoopDevice } from '../support/loop-device.ts';

const mebibyte = 1 << 20;
const token = `skerry1.abcdef.0123456789abcdef.${'ab'.repeat(32)}`;
const directory = driveDirectory();
const bootStart = mebibyte;
const bootEnd = 6 * mebibyte;

let image: DiskImage;
let content: Buffer;

/** A drive of 24 MiB and a bit, full of what somebody kept on it. */
function usedDrive(name: string, bytes = 24 * mebibyte + 512): LoopDevice {
  return new LoopDevice(join(directory, `${name}.drive`), noise(bytes, 99));
}

/** Asserts that the drive holds the image, but for its boot partition, and nothing old at its end. */
function assertHolds(drive: LoopDevice, expected = content): void {
  const found = drive.content();
  assert.ok(found.subarray(0, bootStart).equals(expected.subarray(0, bootStart)), 'the start');
  assert.ok(found.subarray(bootEnd, expected.length).equals(expected.subarray(bootEnd)), 'behind the boot partition');
  assert.ok(found.subarray(-mebibyte).equals(Buffer.alloc(mebibyte)), 'the end');
  assert.ok(hasPartitionTable(drive.path));
}

/** An image of its own, which a test may damage. */
function damagedImage(name: string): DiskImage {
  return makeDiskImage(directory, name, { seed: 2 });
}

before(() => {
  image = makeDiskImage(directory);
  content = readFileSync(image.path);
});
after(() => rmSync(directory, { recursive: true }));

describe('flashing a drive', () => {
  it('writes every form of the image, bit by bit, with holes as zeros', async () => {
    for (const path of [image.path, image.compressed, image.manifest]) {
      using drive = usedDrive('form');
      const { code, stdout, stderr } = await runFlash(path, '--device', drive.path, '--force', '--yes');
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^\/dev\/loop\d+: written and verified \(.* MiB in \d+ s\)\n$/);
      assert.ok(drive.content().subarray(0, content.length).equals(content), basename(path));
      assertHolds(drive);
    }
  });

  it('writes an image with an extended partition, as of a Raspberry Pi', async () => {
    const pi = makeDiskImage(directory, 'pi', { label: 'dos' });
    using drive = usedDrive('pi');
    const { code, stderr } = await runFlash(pi.path, '--device', drive.path, '--force', '--yes', '--name', 'kit-2');
    assert.equal(code, 0, stderr);
    assert.match(execFileSync('sfdisk', ['--dump', drive.path], { encoding: 'utf8' }), /type=5$(\n.*){2}type=83$/m);
    assert.match(readBootFile(drive.path, 'skerry.yaml'), /name: kit-2/);
  });

  it('writes an image that nothing stands beside, and says what it cannot know', async () => {
    const bare = join(directory, 'bare.img');
    copyFileSync(image.path, bare);
    writeFileSync(`${bare}.zst`, zstdCompressSync(content, { pledgedSrcSize: content.length }));
    for (const path of [bare, `${bare}.zst`]) {
      using drive = usedDrive('bare');
      const { code, stderr } = await runFlash(path, '--device', drive.path, '--force', '--yes');
      assert.equal(code, 0, stderr);
      assert.match(
        stderr,
        /^note: no bare\.json .*board is not known\nnote: no bare\.img\.bmap .*\nnote: damage of the image/m,
      );
      assert.ok(drive.content().subarray(0, content.length).equals(content));
    }
  });

  it('puts the configuration into the boot partition, and leaves that whole', async () => {
    using drive = usedDrive('configured');
    const key = join(directory, 'key.pub');
    writeFileSync(key, '# mine\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== me@laptop\n');
    const options = ['--hub', 'mqtts://hub:8883', '--token', token, '--name', 'kit-1', '--label', 'room=kitchen'];
    const network = ['--wifi', 'Möwe', '--wifi-password', '12345678', '--wifi-country', 'DE', '--ssh-key', key];
    const { code, stderr } = await runFlash(
      image.compressed,
      '--device',
      drive.path,
      '--force',
      '--yes',
      ...options,
      ...network,
    );
    assert.equal(code, 0, stderr);
    assertHolds(drive);
    assert.deepEqual(readDeviceConfig(readBootFile(drive.path, 'skerry.yaml')), {
      problems: [],
      config: {
        hub: 'mqtts://hub:8883',
        token,
        name: 'kit-1',
        labels: { built: 'in', room: 'kitchen' },
        wifi: { ssid: 'Möwe', password: '12345678', country: 'DE' },
        sshKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== me@laptop'],
      },
    });
    const boot = join(directory, 'boot.check');
    writeFileSync(boot, drive.content().subarray(bootStart, bootEnd));
    execFileSync('fsck.fat', ['-n', boot]);
  });

  it('writes a file for other tools, sparse and under its name only when it is whole', async () => {
    const out = join(directory, 'out.img');
    const { code, stderr } = await runFlash(image.compressed, '--file', out, '--name', 'kit-2');
    assert.equal(code, 0, stderr);
    assert.match(readBootFile(out, 'skerry.yaml'), /^name: kit-2$/m);
    assert.ok(readFileSync(out).subarray(bootEnd).equals(content.subarray(bootEnd)));
    assert.ok(statSync(out).blocks * 512 < 7 * mebibyte, `${statSync(out).blocks * 512} bytes on disk`);
    assert.equal(existsSync(`${out}.partial`), false);
    const again = await runFlash(image.path, '--file', out);
    assert.equal(again.stderr.split('\n').at(-2), `skerry: --file ${out}: is there already; --force replaces it`);
    assert.equal((await runFlash(image.path, '--file', out, '--force')).code, 0);
    assert.match((await runFlash(image.path, '--file', image.path, '--force')).stderr, /is the image itself/);
  });
});

describe('what must not be written', () => {
  async function refused(...args: string[]): Promise<string> {
    const { code, stderr } = await runFlash(...args);
    assert.ok(code === 1 || code === 2, `exit code ${code}: ${stderr}`);
    return stderr.trimEnd().split('\n').at(-1) ?? '';
  }

  it('is the system disk, also by force', async () => {
    const root = execFileSync('findmnt', ['--noheadings', '--output', 'SOURCE', '--first-only', '/'], {
      encoding: 'utf8',
    }).trim();
    const disk = execFileSync(
      'lsblk',
      ['--noheadings', '--inverse', '--list', '--paths', '--output', 'NAME,TYPE', root],
      { encoding: 'utf8' },
    );
    const path = disk
      .split('\n')
      .map((line) => line.split(/\s+/))
      .find(([, type]) => type === 'disk')?.[0];
    assert.ok(path !== undefined, disk);
    // There is no such image either: should the refusal be broken, nothing is lost.
    const line = await refused(join(directory, 'missing.img'), '--device', path, '--force', '--yes');
    assert.match(line, /holds the running system \(.*\): it is never written, also not with --force$/);
  });

  it('is a drive that is mounted, swapped to, or held by a program', async () => {
    using drive = usedDrive('used');
    execFileSync('mkfs.ext4', ['-q', '-F', drive.path]);
    const place = mkdtempSync(join(directory, 'mount-'));
    execFileSync('mount', [drive.path, place]);
    try {
      const line = await refused(image.path, '--device', drive.path, '--force', '--yes');
      assert.match(line, /^skerry: \/dev\/loop\d+ is mounted on .*mount-\w+: .*unmount it first/);
    } finally {
      execFileSync('umount', [place]);
    }
    execFileSync('mkswap', [drive.path], { stdio: 'ignore' });
    execFileSync('swapon', [drive.path]);
    try {
      assert.match(await refused(image.path, '--device', drive.path, '--force', '--yes'), /running system \(swap\)/);
    } finally {
      execFileSync('swapoff', [drive.path]);
    }
    const held = await open(drive.path, constants.O_RDONLY | constants.O_EXCL);
    const before = drive.content();
    assert.match(await refused(image.path, '--device', drive.path, '--force', '--yes'), /is in use by something else/);
    await held.close();
    assert.ok(drive.content().equals(before));
  });

  it('is a drive without its owner saying so', async () => {
    using drive = usedDrive('asked');
    const before = drive.content();
    assert.match(await refused(image.path, '--device', drive.path, '--yes'), /is no removable drive; --force/);
    assert.match(await refused(image.path, '--device', drive.path, '--force'), /nobody can be asked here: --yes/);
    assert.ok(drive.content().equals(before));
  });

  it('is one that is too small, missing, a file, or named twice', async () => {
    using small = usedDrive('small', 8 * mebibyte);
    const before = small.content();
    const line = await refused(image.path, '--device', small.path, '--force', '--yes');
    assert.match(line, /is too small: it has 8\.0 MiB, the image needs 16\.0 MiB/);
    assert.ok(small.content().equals(before));
    assert.match(
      await refused(image.path, '--device', '/dev/nosuch'),
      /^skerry: --device \/dev\/nosuch: there is no such drive$/,
    );
    assert.match(await refused(image.path, '--device', image.path), /is a file; --file writes files$/);
    assert.match(await refused(image.path, '--device', '/dev/null'), /is no drive$/);
    const twice = ['--device', small.path, '--device', small.path];
    assert.match(await refused(image.path, ...twice), /the same drive is named twice$/);
  });

  it('is anything for a wrong board or a configuration that the device would refuse', async () => {
    using drive = usedDrive('config');
    const before = drive.content();
    const args = [image.path, '--device', drive.path, '--force', '--yes'];
    assert.match(
      await refused(...args, '--board', 'generic-amd64'),
      /--board: expected an image for generic-amd64, found one for rpi-arm64$/,
    );
    assert.match(await refused(...args, '--board', 'pi'), /--board: expected one of qemu-arm64/);
    assert.match(
      await refused(...args, '--label', 'kubernetes.io/arch=amd64'),
      /the image is for rpi-arm64, which is arm64$/,
    );
    assert.match(await refused(...args, '--hub', 'mqtts://h:8883', '--token', 'nonsense'), /--token: expected a token/);
    assert.ok(drive.content().equals(before));
  });
});

describe('a bad image', () => {
  /** Flashes it to a used drive, which must not be good afterwards. @returns the last line on stderr */
  async function flashBad(path: string): Promise<string> {
    using drive = usedDrive('bad');
    const { code, stdout, stderr } = await runFlash(path, '--device', drive.path, '--force', '--yes');
    assert.equal(code, 1, stderr);
    assert.equal(stdout, '');
    assert.equal(hasPartitionTable(drive.path), false);
    const out = join(directory, 'bad-out.img');
    assert.equal((await runFlash(path, '--file', out)).code, 1);
    assert.deepEqual(
      [out, `${out}.partial`].filter((file) => existsSync(file)),
      [],
    );
    return stderr.trimEnd().split('\n').at(-1) ?? '';
  }

  function flip(path: string, at: number): void {
    const data = readFileSync(path);
    data[at] = (data[at] ?? 0) ^ 4;
    writeFileSync(path, data);
  }

  it('is seen where a bit of it is wrong', async () => {
    const damaged = damagedImage('flipped');
    flip(damaged.path, 8 * mebibyte + 12_345);
    assert.match(
      await flashBad(damaged.path),
      /flipped\.img: is damaged between 6291456 and 10485760 bytes \(SHA-256 differs\)$/,
    );
    rmSync(damaged.blockMap);
    assert.match(await flashBad(damaged.path), /flipped\.img: is damaged between 0 and 16777216 bytes/);
    flip(damaged.compressed, 1 << 20);
    assert.match(await flashBad(damaged.compressed), /flipped\.img\.zst: is damaged/);
  });

  it('is seen where it is cut off', async () => {
    const cut = damagedImage('cut');
    truncateSync(cut.path, 9 * mebibyte);
    assert.match(
      await flashBad(cut.path),
      /cut\.img: is cut off: it has 9437184 bytes, what is beside it says 16777216$/,
    );
    const packed = readFileSync(cut.compressed);
    writeFileSync(cut.compressed, packed.subarray(0, packed.length - 2));
    assert.match(await flashBad(cut.compressed), /cut\.img\.zst: is cut off: it has/);
    for (const file of [cut.manifest, cut.blockMap]) rmSync(file);
    assert.match(await flashBad(cut.path), /is cut off: its partitions end at 16777216, the image at 9437184 bytes$/);
    assert.match(
      await flashBad(cut.compressed),
      /cut\.img\.zst: is damaged or cut off \(zstd: unexpected end of file\)$/,
    );
    writeFileSync(cut.compressed, Buffer.concat([packed, packed]));
    assert.match(
      await flashBad(cut.compressed),
      /has 33554432 bytes, expected 16777216$|something stands behind the image's end$/,
    );
    writeFileSync(cut.compressed, Buffer.concat([packed, Buffer.from('and more')]));
    assert.match(await flashBad(cut.compressed), /is damaged or cut off|something stands behind the image's end$/);
  });

  it('is seen where what stands beside it is another image', async () => {
    const mixed = damagedImage('mixed');
    copyFileSync(image.blockMap, mixed.blockMap);
    assert.match(await flashBad(mixed.path), /is not the block map that the manifest speaks of/);
    rmSync(mixed.manifest);
    assert.match(await flashBad(mixed.path), /is damaged between/);
    const odd = damagedImage('odd');
    const manifest = JSON.parse(readFileSync(odd.manifest, 'utf8')) as ImageManifest;
    const partitions = manifest.partitions.map((partition) => ({ ...partition, bytes: partition.bytes - 512 }));
    writeFileSync(odd.manifest, JSON.stringify({ ...manifest, partitions }));
    assert.match(await flashBad(odd.path), /has no partition boot where its manifest says/);
    writeFileSync(odd.manifest, '{"formatVersion": 1}');
    assert.match(await flashBad(odd.path), /odd\.json: image: expected a mapping, found nothing$/);
  });

  it('is no image at all', async () => {
    const text = join(directory, 'text.img');
    writeFileSync(text, Buffer.alloc(2 * mebibyte, 'text'));
    assert.match(await flashBad(text), /no disk image: it has no partition table$/);
    writeFileSync(`${text}.zst`, 'no zstd');
    assert.match(await flashBad(`${text}.zst`), /does not tell its size/);
    assert.match(await flashBad(join(directory, 'nosuch.img')), /nosuch\.img: there is no such file$/);
    assert.match(await flashBad(image.blockMap), /expected NAME\.img, NAME\.img\.zst or NAME\.json$/);
  });
});

describe('on a terminal', () => {
  /** Runs it in a terminal of script(1) and types the answer when it asks. */
  async function answer(drive: LoopDevice, typed: string): Promise<{ code: number; screen: string }> {
    const main = join(import.meta.dirname, '../../cli/main.ts');
    const command = `${process.execPath} ${main} flash ${image.path} --device ${drive.path} --force`;
    const child = spawn('script', ['-qefc', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
    let screen = '';
    let asked = false;
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      screen += chunk;
      if (asked || !screen.includes('to go on: ')) return;
      asked = true;
      child.stdin.write(`${typed}\r`);
    });
    const [code] = (await once(child, 'close')) as [number];
    return { code, screen };
  }

  it('shows what is erased, and asks', async () => {
    using drive = new LoopDevice(join(directory, 'asked.drive'), Buffer.concat([content, Buffer.alloc(mebibyte, 7)]));
    const before = drive.content();
    const no = await answer(drive, 'no');
    assert.equal(no.code, 1);
    assert.match(no.screen, /This erases all that is on:\r\n\/dev\/loop\d+ {2}loop without a name, 17\.0 MiB/);
    assert.match(no.screen, /skerry: nothing was written/);
    assert.ok(drive.content().equals(before));
    const yes = await answer(drive, basename(drive.path));
    assert.equal(yes.code, 0, yes.screen);
    assert.match(yes.screen, /writing {2}0 % {2}0 B of 4\.\d MiB/);
    assertHolds(drive);
  });

  it('lists the drives that could be written', async () => {
    using drive = usedDrive('listed');
    const removable = await runFlash();
    assert.equal(removable.code, 0);
    assert.equal(removable.stdout.includes(drive.path), false);
    const { stdout } = await runFlash('--force', '--json');
    const listed = (JSON.parse(stdout) as { path: string; bytes: number }[]).find(({ path }) => path === drive.path);
    assert.equal(listed?.bytes, 24 * mebibyte + 512);
  });
});
