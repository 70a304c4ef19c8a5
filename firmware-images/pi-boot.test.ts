// Texts that a Raspberry Pi's firmware reads, and the scripts of the device that
// rewrite them and tell the firmware which slot to try.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { boards, type PiBoot } from './boards.ts';
import { partitionNumbers } from './layout.ts';
import { autobootText, commandLineText, configText } from './pi-boot.ts';

const board = boards['rpi-arm64'];
const numbers = partitionNumbers(board);
const files = join(import.meta.dirname, 'files/pi');
const directory = mkdtempSync(join(tmpdir(), 'skerry-pi-'));
after(() => rmSync(directory, { recursive: true, force: true }));

function bootOf(name: 'rpi-arm64' | 'rpi-armhf'): PiBoot {
  const { boot } = boards[name];
  assert.ok(boot.kind === 'pi');
  return boot;
}

describe('what the firmware reads', () => {
  it('names the slot that is started, and the other one for tryboot', () => {
    assert.equal(autobootText('a', numbers), '[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n');
    assert.equal(autobootText('b', numbers), '[all]\ntryboot_a_b=1\nboot_partition=3\n[tryboot]\nboot_partition=2\n');
  });

  it('has a kernel of the right width under the name that it looks for', () => {
    assert.match(configText(bootOf('rpi-arm64')), /^arm_64bit=1\nkernel=kernel8.img\ninitramfs initrd followkernel$/m);
    assert.match(configText(bootOf('rpi-armhf')), /^arm_64bit=0\nkernel=kernel7.img\ninitramfs initrd followkernel$/m);
  });

  it('has one line for the kernel, with the slot and the number of its root', () => {
    assert.equal(
      commandLineText(['console=tty0', 'quiet'], 'b', numbers),
      'console=tty0 quiet skerry.slot=b skerry.partition=6\n',
    );
    assert.throws(() => commandLineText(['x'.repeat(1100)], 'a', numbers), /command line has 11\d\d characters/);
  });
});

/** Runs shell commands with a script of the device, whose paths lie in a directory here. */
function shell(script: string, commands: string): string {
  const text = readFileSync(join(files, script), 'utf8')
    .replaceAll('/usr/lib/skerry/start-partition', join(files, 'start-partition'))
    .replaceAll(/\/(boot|etc\/skerry|run\/skerry)\//g, `${directory}/`);
  const copy = join(directory, 'script');
  writeFileSync(copy, text);
  const rows = Object.entries(numbers).map(([name, number]) => `${name} ${number}\n`);
  writeFileSync(join(directory, 'partitions'), rows.join(''));
  // A register, with bits beside those of the partition, and writes refused that lack the password.
  const machine = `
    with_writable_boot() { "$@"; }
    devmem() {
      [ "$1" = $((0x3f100020)) ] || return 1
      if [ $# = 2 ]; then echo 0x$(cat ${directory}/register); return; fi
      [ $(($3 >> 24)) = $((0x5a)) ] && printf '%x' $(($3 & 0xffffff)) >${directory}/register
    }
    . ${copy}
    register_address() { echo $((0x3f100020)); }
  `;
  return execFileSync('busybox', ['sh', '-c', `${machine}\n${commands}`], { encoding: 'utf8' });
}

function register(value?: number): number {
  const path = join(directory, 'register');
  if (value !== undefined) writeFileSync(path, value.toString(16));
  return Number.parseInt(readFileSync(path, 'utf8'), 16);
}

describe('the register of the partition to start from', () => {
  it('holds the number in every other bit, and keeps its other bits', () => {
    for (const [number, bits] of [
      [0, 0],
      [2, 0b100],
      [3, 0b101],
      [7, 0b10101],
    ] as const) {
      register(0x1020 | 0x555);
      assert.equal(shell('start-partition', `write_start_partition ${number} && read_start_partition`), `${number}\n`);
      assert.equal(register(), 0x1020 | bits);
    }
  });

  it('is an error where the kernel lets nobody write it', () => {
    register(0);
    assert.equal(
      shell('start-partition', 'devmem() { [ $# = 2 ] && echo 0; }; write_start_partition 3 || echo refused'),
      'refused\n',
    );
  });
});

describe('the slots of a device', () => {
  const autoboot = join(directory, 'autoboot.txt');
  it('are confirmed by the text that the image was built with', () => {
    register(0);
    for (const slot of ['b', 'a'] as const) {
      writeFileSync(autoboot, autobootText(slot === 'a' ? 'b' : 'a', numbers));
      assert.equal(shell('boot-state', `confirm_slot ${slot}; slot_state`), `active=${slot} next=${slot}\n`);
      assert.equal(readFileSync(autoboot, 'utf8'), autobootText(slot, numbers));
    }
  });

  it('are tried without a change to the card', () => {
    register(0x1000);
    writeFileSync(autoboot, autobootText('a', numbers));
    assert.equal(shell('boot-state', 'try_slot b; slot_state'), 'active=a next=b\n');
    assert.equal(readFileSync(autoboot, 'utf8'), autobootText('a', numbers));
    assert.equal(register(), 0x1005);
  });
});
