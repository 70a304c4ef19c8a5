// Images of the Raspberry Pi: their boot partitions file by file against what the
// firmware of each model needs, and the images' own kernels and initramfs in QEMU's
// raspi3b and raspi2b to a Ready node. The rig reads autoboot.txt and config.txt in
// the firmware's place: what the firmware itself makes of them is not tried here.
// https://www.raspberrypi.com/documentation/computers/configuration.html#boot-folder-contents
import assert from 'node:assert/strict';
import { closeSync, openSync, readSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { readDeviceConfig } from '../../api/device/config.ts';
import { PiImage } from '../support/pi-image.ts';
import { TestRig } from '../support/rig.ts';

const timeoutMs = 75 * 60_000;

/** What each board's partition has beside what all have; the models that read them. */
const boards = {
  'rpi-arm64': {
    kernel: 'kernel8.img',
    /** Documentation/arch/arm64/booting.rst: the Image's header. */
    kernelMagic: { offset: 56, bytes: 'ARM\x64' },
    deviceTrees: {
      'bcm2837-rpi-3-a-plus.dtb': 'raspberrypi,3-model-a-plus',
      'bcm2837-rpi-3-b.dtb': 'raspberrypi,3-model-b',
      'bcm2837-rpi-3-b-plus.dtb': 'raspberrypi,3-model-b-plus',
      'bcm2837-rpi-zero-2-w.dtb': 'raspberrypi,model-zero-2-w',
      'bcm2711-rpi-4-b.dtb': 'raspberrypi,4-model-b',
      'bcm2711-rpi-400.dtb': 'raspberrypi,400',
      'bcm2712-rpi-5-b.dtb': 'raspberrypi,5-model-b',
      'bcm2712-d-rpi-5-b.dtb': 'raspberrypi,5-model-b',
      'bcm2712d0-rpi-5-b.dtb': 'raspberrypi,5-model-b',
    },
    firmware: ['fixup.dat', 'fixup4.dat', 'start.elf', 'start4.elf'],
  },
  'rpi-armhf': {
    kernel: 'kernel7.img',
    /** Documentation/arch/arm/booting.rst: the zImage's magic number. */
    kernelMagic: { offset: 36, bytes: '\x18\x28\x6f\x01' },
    deviceTrees: { 'bcm2836-rpi-2-b.dtb': 'raspberrypi,2-model-b' },
    firmware: ['fixup.dat', 'start.elf'],
  },
} as const;

/** Types of the four entries of the partition table that the firmware reads. */
function primaryTypes(path: string): number[] {
  const sector = Buffer.alloc(512);
  const file = openSync(path, 'r');
  readSync(file, sector, 0, sector.length, 0);
  closeSync(file);
  assert.equal(sector.readUInt16LE(510), 0xaa55);
  return [0, 1, 2, 3].map((index) => sector[446 + 16 * index + 4] ?? 0);
}

function settings(text: string): Map<string, string> {
  const rows = text.split('\n').filter((line) => line.includes('=') && !line.startsWith('#'));
  return new Map(rows.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

for (const board of ['rpi-arm64', 'rpi-armhf'] as const)
  describe(`the image ${board}`, { timeout: timeoutMs }, () => {
    const { kernel, kernelMagic, deviceTrees, firmware } = boards[board];
    let image: PiImage;
    before(() => {
      image = PiImage.build(board);
    });
    after(() => image?.destroy());

    it('has three FAT partitions that every model finds, and an extended one', () => {
      assert.deepEqual(primaryTypes(image.path), [0x0c, 0x0c, 0x0c, 0x05]);
    });

    it('has on the first what the ROM, the boot loader and people read, and no firmware to start by mistake', () => {
      assert.deepEqual(image.files('boot'), ['autoboot.txt', 'bootcode.bin', 'skerry.yaml']);
      const autoboot = image.read('boot', 'autoboot.txt').toString();
      assert.equal(autoboot, '[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n');
      const bootcode = image.read('boot', 'bootcode.bin').toString('latin1');
      for (const word of ['autoboot.txt', 'boot_partition', 'tryboot_a_b']) assert.ok(bootcode.includes(word), word);
      assert.deepEqual(readDeviceConfig(image.read('boot', 'skerry.yaml').toString()).problems, []);
    });

    it('has on slot a all files that the firmware loads, and no others', () => {
      const expected = [...Object.keys(deviceTrees), ...firmware, 'cmdline.txt', 'config.txt', 'initrd', kernel];
      assert.deepEqual(image.files('boot-a'), expected.sort());
    });

    it('has firmware that knows the slots, and pairs that belong together', () => {
      for (const name of firmware.filter((file) => file.endsWith('.elf'))) {
        const program = image.read('boot-a', name);
        assert.equal(program.readUInt32BE(0), 0x7f454c46, name);
        assert.ok(program.includes('upstream_kernel'), name);
        assert.ok(image.read('boot-a', name.replace('start', 'fixup').replace('.elf', '.dat')).length > 1000);
      }
    });

    it('has device trees of the models that it is for', () => {
      for (const [name, model] of Object.entries(deviceTrees)) {
        const tree = image.read('boot-a', name);
        assert.equal(tree.readUInt32BE(0), 0xd00dfeed, name);
        assert.ok(tree.includes(`${model}\0`), name);
      }
    });

    it('has a config.txt whose files are there, and a kernel as it says', () => {
      const text = image.read('boot-a', 'config.txt').toString();
      const values = settings(text);
      assert.equal(values.get('arm_64bit'), board === 'rpi-arm64' ? '1' : '0');
      assert.equal(values.get('kernel'), kernel);
      assert.match(text, /^initramfs initrd followkernel$/m);
      const { offset, bytes } = kernelMagic;
      assert.equal(image.read('boot-a', kernel).toString('latin1', offset, offset + bytes.length), bytes);
      // RFC 8878: zstd.
      assert.equal(image.read('boot-a', 'initrd').readUInt32LE(0), 0xfd2fb528);
    });

    it('has a command line of one line with the verified root of slot a', () => {
      const text = image.read('boot-a', 'cmdline.txt').toString();
      assert.match(text, /^[^\n]{1,1024}\n$/);
      assert.match(text, / skerry\.verity=\d+:[0-9a-f]{64}:[0-9a-f]{64} skerry\.slot=a skerry\.partition=5\n$/);
      assert.match(text, /(^| )cgroup_enable=memory /);
    });

    it('boots in the emulator to a Ready node, grows its data partition and can name the next slot', async (context) => {
      const card = { board, image: image.path, gibibytes: 2 };
      const rig = await TestRig.start({ count: 1, prefix: 'pi', card });
      context.after(() => rig.stop());
      const blocks = Number(await rig.ssh('pi-1', "df -k /data | awk 'END { print $2 }'"));
      assert.ok(blocks > 1 << 20, `the data partition has ${blocks} KiB of a card of 2 GiB`);
      assert.match(await rig.ssh('pi-1', 'skerry-slot status'), /^running=a active=a next=a$/m);
      assert.match(await rig.ssh('pi-1', 'skerry-slot clone && skerry-slot try'), /slot b is started next/);
      assert.match(await rig.ssh('pi-1', 'skerry-slot status'), /^running=a active=a next=b$/m);
      const line = await rig.ssh('pi-1', 'mount -t vfat -o ro /dev/mmcblk0p3 /tmp && cat /tmp/cmdline.txt');
      assert.match(line, / skerry\.slot=b skerry\.partition=6$/m);
    });
  });
