// Drives that lie, break, vanish, and flashes that are interrupted: none of them
// leaves a drive that looks good and is not. On loop devices; the faults are put
// between the flash and the real device, or are real (a full file system under it).
// SKERRY_SEED repeats a run; it is printed. Needs root and Debian's fdisk,
// dosfstools, mtools and util-linux.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { chooseDrives } from '../../cli/flash/choose.ts';
import type { Drive } from '../../cli/flash/drives.ts';
import { flash, type Outcome } from '../../cli/flash/flash.ts';
import { type Image, openImage } from '../../cli/flash/image.ts';
import { Progress } from '../../cli/flash/progress.ts';
import { openDrive, type Target } from '../../cli/flash/target.ts';
import { type DiskImage, hasPartitionTable, makeDiskImage, noise } from '../support/disk-image.ts';
import { type FlashResult, runFlash, startFlash } from '../support/flash-command.ts';
import { driveDirectory, LoopDevice } from '../support/loop-device.ts';

const mebibyte = 1 << 20;
const corruptions = 1000;
const interruptions = 20;
const directory = driveDirectory();
const seed = Number(process.env.SKERRY_SEED ?? Date.now() % 1_000_000);

/** Numbers from 0 up to 1 that the seed decides (mulberry32). */
function randomOf(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = randomOf(seed);
before(() => process.stdout.write(`SKERRY_SEED=${seed}\n`));
after(() => rmSync(directory, { recursive: true }));

type OnWrite = (startBytes: number, data: Buffer) => void;

/** The real drive, with something that happens after its writes. */
async function faulty(device: LoopDevice, onWrite: OnWrite = () => undefined): Promise<Target> {
  const target = await openDrive(await driveOf(device));
  return {
    name: target.name,
    bytes: target.bytes,
    holdsOldData: target.holdsOldData,
    read: (startBytes, into) => target.read(startBytes, into),
    write: async (startBytes, data) => {
      await target.write(startBytes, data);
      onWrite(startBytes, data);
    },
    sync: () => target.sync(),
    finish: () => target.finish(),
    abandon: () => target.abandon(),
  };
}

const drives = new WeakMap<LoopDevice, Drive>();
async function driveOf(device: LoopDevice): Promise<Drive> {
  const drive = drives.get(device) ?? (await chooseDrives([device.path], { force: true }))[0];
  assert.ok(drive !== undefined);
  drives.set(device, drive);
  return drive;
}

function flashTo(targets: Target[], image: Image): Promise<Outcome[]> {
  const progress = new Progress({ write: () => undefined });
  return flash(targets, { image, overlay: [], progress, signal: new AbortController().signal });
}

function holds(device: LoopDevice, content: Buffer): boolean {
  return device.content().subarray(0, content.length).equals(content);
}

function flipStored(device: LoopDevice, at: number, bit: number): void {
  const [file, byte] = [openSync(device.file, 'r+'), Buffer.alloc(1)];
  readSync(file, byte, 0, 1, at);
  byte[0] = (byte[0] ?? 0) ^ (1 << bit);
  writeSync(file, byte, 0, 1, at);
  closeSync(file);
}

describe('a drive that stores one bit wrong', () => {
  it(`is caught ${corruptions} times of ${corruptions}`, async () => {
    const made = makeDiskImage(directory, 'small', { mebibytes: 9, noiseMebibytes: 1 });
    const image = await openImage(made.path);
    const content = readFileSync(made.path);
    using device = new LoopDevice(join(directory, 'bits.drive'), content.length);
    const mapped = image.extents.reduce((sum, { bytes }) => sum + bytes, 0);
    const missed: string[] = [];
    for (let turn = 0; turn < corruptions; turn += 1) {
      // First in the boot code of the first block, where this drive also spoils the zeros that wipe it again.
      let at = turn === 0 ? 152 : Math.floor(random() * mapped);
      for (const { startBytes, bytes } of image.extents) {
        if (at < bytes) {
          at += startBytes;
          break;
        }
        at -= bytes;
      }
      const bit = Math.floor(random() * 8);
      let flips = 0;
      const target = await faulty(device, (startBytes, data) => {
        // The wiping zeros at the start are no part of the image.
        if (startBytes > at || at >= startBytes + data.length || data[at - startBytes] !== content[at]) return;
        if (data.length === mebibyte && data.every((byte) => byte === 0)) return;
        flips += 1;
        flipStored(device, at, bit);
      });
      const [outcome] = await flashTo([target], image);
      assert.ok(flips >= 1, `nothing was flipped at ${at}`);
      const message = outcome?.error?.message ?? 'called good';
      if (!/reads other data at/.test(message) || hasTable(device)) missed.push(`bit ${bit} at ${at}: ${message}`);
    }
    assert.deepEqual(missed, []);
    // The same without a flip is good: what was caught was the bit.
    const [good] = await flashTo([await faulty(device)], image);
    assert.equal(good?.error, undefined);
    assert.ok(holds(device, content));
  });

  /** Cheaper than a process a time: the signature without which no program reads a table. */
  function hasTable(device: LoopDevice): boolean {
    const [file, signature] = [openSync(device.file, 'r'), Buffer.alloc(2)];
    readSync(file, signature, 0, 2, 510);
    closeSync(file);
    return signature.readUInt16LE() !== 0;
  }

  it('is caught when it forgets what is written, or keeps the old data of a hole', async () => {
    const made = makeDiskImage(directory, 'forgets', { mebibytes: 12 });
    const image = await openImage(made.path);
    using device = new LoopDevice(join(directory, 'forgets.drive'), noise(12 * mebibyte, 5));
    const old = noise(12 * mebibyte, 5);
    const restore = (startBytes: number, data: Buffer): void => {
      const file = openSync(device.file, 'r+');
      writeSync(file, old, startBytes, data.length, startBytes);
      closeSync(file);
    };
    const [forgetful] = await flashTo([await faulty(device, restore)], image);
    assert.match(forgetful?.error?.message ?? '', /does not keep what is written to it$/);
    const keepsHoles = await faulty(device, (startBytes, data) => {
      const inHole = startBytes > 0 && startBytes < 11 * mebibyte && data.every((byte) => byte === 0);
      if (inHole) restore(startBytes, data);
    });
    const [sticky] = await flashTo([keepsHoles], image);
    assert.match(sticky?.error?.message ?? '', /reads other data at/);
    assert.equal(hasPartitionTable(device.path), false);
  });
});

describe('a drive that goes away', () => {
  it('while it is written, is told of, and the others go on', async () => {
    const made = makeDiskImage(directory, 'vanish', { mebibytes: 24, noiseMebibytes: 12 });
    const [image, content] = [await openImage(made.path), readFileSync(made.path)];
    for (const turns of [0, 1, 2, 3, 5]) {
      using gone = new LoopDevice(join(directory, 'gone.drive'), 24 * mebibyte);
      using stays = new LoopDevice(join(directory, 'stays.drive'), 24 * mebibyte);
      let writes = 0;
      const vanishing = await faulty(gone, () => {
        if (writes === turns) gone.vanish();
        writes += 1;
      });
      const outcomes = await flashTo([vanishing, await faulty(stays)], image);
      assert.match(
        outcomes[0]?.error?.message ?? '',
        /^\/dev\/loop\d+: (reading|writing) failed at .*was it pulled out/,
      );
      assert.equal(outcomes[1]?.error, undefined);
      assert.ok(holds(stays, content));
    }
  });

  it('because what is under it is full: its errors end its flash, and the exit code tells', async () => {
    const made = makeDiskImage(directory, 'full', { mebibytes: 24, noiseMebibytes: 12 });
    const content = readFileSync(made.path);
    const place = mkdtempSync(join(directory, 'full-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', place]);
    try {
      using broken = new LoopDevice(join(place, 'broken.drive'), 24 * mebibyte);
      using first = new LoopDevice(join(directory, 'first.drive'), 24 * mebibyte);
      using last = new LoopDevice(join(directory, 'last.drive'), 24 * mebibyte);
      const devices = [first, broken, last].flatMap(({ path }) => ['--device', path]);
      const { code, stdout, stderr } = await runFlash(made.compressed, ...devices, '--force', '--yes');
      assert.equal(code, 1);
      assert.equal(stdout.match(/written and verified/g)?.length, 2, stdout);
      assert.match(stderr, new RegExp(`^skerry: ${broken.path}: writing failed at .* \\(E\\w+\\)`, 'm'));
      assert.match(stderr, new RegExp(`\nskerry: 1 of 3 failed: ${broken.path}\n$`));
      assert.ok(holds(first, content) && holds(last, content));
      assert.equal(hasPartitionTable(broken.path), false);
      const alone = await runFlash(made.path, '--device', broken.path, '--force', '--yes');
      assert.equal(alone.code, 1);
      assert.match(alone.stderr, /\nskerry: \/dev\/loop\d+: writing failed at [^\n]*\n$/);
    } finally {
      execFileSync('umount', [place]);
    }
  });
});

describe('a flash that is interrupted', () => {
  let made: DiskImage;
  let old: Buffer;
  let content: Buffer;

  before(() => {
    made = makeDiskImage(directory, 'new', { mebibytes: 80, noiseMebibytes: 48, seed: 3 });
    content = readFileSync(made.path);
    // What was on the card before is a good disk as well.
    old = readFileSync(
      makeDiskImage(directory, 'old', { mebibytes: 80, noiseMebibytes: 60, seed: 4, label: 'dos' }).path,
    );
  });

  /** How long it takes from its first write to its end, in ms. */
  async function duration(): Promise<number> {
    using device = new LoopDevice(join(directory, 'timed.drive'), old);
    const child = startFlash([made.path, '--device', device.path, '--force', '--yes']);
    assert.ok(await child.says('writing'));
    const beganMs = performance.now();
    assert.equal((await child.ended).code, 0);
    return performance.now() - beganMs;
  }

  it(`${interruptions} times at random leaves no drive that looks good, and a second flash mends it`, async () => {
    const wholeMs = await duration();
    const counts = { interrupted: 0, tooLate: 0 };
    for (let turn = 0; counts.interrupted < interruptions && turn < 4 * interruptions; turn += 1) {
      using device = new LoopDevice(join(directory, 'cut.drive'), old);
      const child = startFlash([made.path, '--device', device.path, '--force', '--yes']);
      assert.ok(await child.says('writing'));
      await delay(random() * wholeMs);
      const signal = turn % 2 === 0 ? 'SIGKILL' : 'SIGTERM';
      child.kill(signal);
      const whole = assertNotCalledGood(device, await child.ended, signal);
      counts[whole ? 'tooLate' : 'interrupted'] += 1;
      if (whole || counts.interrupted % 5 !== 0) continue;
      assert.equal((await runFlash(made.path, '--device', device.path, '--force', '--yes')).code, 0);
      assert.ok(holds(device, content), 'mended');
    }
    process.stdout.write(`interrupted: ${JSON.stringify(counts)}, a whole flash takes ${Math.round(wholeMs)} ms\n`);
    assert.equal(counts.interrupted, interruptions, JSON.stringify(counts));
  });

  /** @returns whether the drive is whole: only then may it look so, and only then may the flash have said so */
  function assertNotCalledGood(device: LoopDevice, result: FlashResult, signal: NodeJS.Signals): boolean {
    const { code, stdout, stderr } = result;
    const whole = holds(device, content);
    // Killed between its last write and its end it is whole, and may have been called good already.
    assert.ok(whole || (code !== 0 && !hasPartitionTable(device.path)), `looks good after code ${code}: ${stderr}`);
    if (whole) return true;
    assert.equal(stdout, '');
    if (signal === 'SIGTERM') {
      assert.equal(code, 143);
      assert.match(stderr, /\nskerry: interrupted: [^\n]* will not start\n$/);
    }
    return false;
  }

  it('leaves no file under the name of the whole one', async () => {
    const out = join(directory, 'cut.img');
    const child = startFlash([made.compressed, '--file', out]);
    assert.ok(await child.says('writing'));
    child.kill('SIGTERM');
    assert.equal((await child.ended).code, 143);
    assert.throws(() => readFileSync(out), /ENOENT/);
    assert.throws(() => readFileSync(`${out}.partial`), /ENOENT/);
  });
});
