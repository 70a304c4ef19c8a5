// The two root slots of a device: the boot loader counts starts, a slot that does
// not prove good is given up for the other one, and one that does is kept.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { TestRig } from '../support/rig.ts';

describe('root slots', { timeout: 2 * 3_600_000 }, () => {
  const device = 'slot-1';
  let rig: TestRig;
  before(async () => {
    rig = await TestRig.start({ count: 1, prefix: 'slot' });
    await rig.kubectl.apply([rig.pod('steady', device)]);
    await rig.podRuns('steady');
  });
  after(() => rig?.stop());

  const status = async (): Promise<Record<string, string>> =>
    Object.fromEntries((await rig.ssh(device, 'skerry-slot status')).split(' ').map((entry) => entry.split('=')));

  /** Clones the running slot, does something to the copy, starts it, and waits until some slot has proved good. */
  async function tryCopy(spoil: string): Promise<Record<string, string>> {
    const boot = await rig.bootId(device);
    assert.match(await rig.ssh(device, `skerry-slot clone && ${spoil} && skerry-slot try`), /is started next/);
    await rig.ok(['reboot', device]);
    await rig.ready(device, boot);
    await rig.podRuns('steady');
    return rig.until('the slot is confirmed', async () => {
      const found = await status();
      return found[`${found.running}_tries`] === '3' && found.active === found.running ? found : undefined;
    });
  }

  const startsOf = (console: string, slot: string): number =>
    [...console.matchAll(new RegExp(`skerry: starting slot ${slot}`, 'g'))].length;

  for (const [what, spoil] of [
    [
      'kernel is damaged',
      'mount -o remount,rw /boot && dd if=/dev/urandom of=/boot/slots/b/vmlinuz bs=1M count=1 conv=notrunc && sync',
    ],
    ['root is damaged', 'dd if=/dev/urandom of=/dev/vda3 bs=1M seek=1 count=60 conv=fsync'],
  ] as const)
    it(`go back to A when B's ${what}`, async () => {
      const before = rig.console(device).length;
      const { running, b_tries } = await tryCopy(spoil);
      assert.deepEqual({ running, b_tries }, { running: 'a', b_tries: '0' });
      const console = rig.console(device).slice(before);
      assert.ok(startsOf(console, 'b') >= 1, 'slot b was never tried');
    });

  it('switch from A to B, and stay there', async () => {
    assert.equal((await tryCopy('true')).running, 'b');
    const boot = await rig.bootId(device);
    await rig.ok(['power-cut', device]);
    await rig.ok(['power-on', device]);
    await rig.ready(device, boot);
    assert.equal((await status()).running, 'b');
  });
});
