// Two emulated devices from the built image, as a user has them: pods with logs and
// exec, and what happens to devices: no network, no power, no hub, no clock.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { TestRig } from '../support/rig.ts';

describe('two devices', { timeout: 2 * 3_600_000 }, () => {
  let rig: TestRig;
  before(async () => {
    rig = await TestRig.start({ count: 2 });
    await rig.kubectl.apply(rig.names.map((name) => rig.pod(`on-${name}`, name)));
  });
  after(() => rig?.stop());

  it('run a pod each, with logs and exec', async () => {
    for (const name of rig.names) {
      await rig.podRuns(`on-${name}`);
      assert.equal(await rig.kubectl.ok(['logs', `on-${name}`]), 'up');
      assert.equal(
        await rig.kubectl.ok(['exec', `on-${name}`, '--', 'hostname'], { timeoutMs: 120_000 }),
        `on-${name}`,
      );
    }
  });

  it('are listed with their power, link and clock', async () => {
    const [, ...rows] = (await rig.ok(['list'])).trim().split('\n');
    assert.deepEqual(
      rows.map((row) => row.split(/\s+/).slice(0, 5)),
      rig.names.map((name) => [name, 'qemu-arm64', 'on', 'up', 'host']),
    );
  });

  it('say what is wrong with what they are told', async () => {
    const wrong: [string[], RegExp][] = [
      [['cut', 'rig-9'], /no device "rig-9"/],
      [['up', '--board', 'rpi-arm64', '--cpus', '2'], /--cpus: expected a number from 4 to 4/],
      [['up', '--board', 'qemu-arm64', '--count', '3', '--image', '/nowhere/card.img'], /no such file/],
      [['slow', 'rig-1', '--rate', 'fast'], /--rate: expected a rate such as 64kbit/],
      [['clock', 'rig-1', '--set', 'noon'], /--set: expected a time/],
      [['melt', 'rig-1'], /expected up, list, down/],
    ];
    for (const [args, message] of wrong) {
      const { code, stderr } = await rig.run(args);
      assert.notEqual(code, 0);
      assert.match(stderr, message);
    }
  });

  it('go on without a network, and catch up when it is back', async () => {
    const [container, boot] = [await rig.containerOf('on-rig-1'), await rig.bootId('rig-1')];
    await rig.ok(['cut', 'rig-1']);
    await rig.unreachable('rig-1');
    await rig.kubectl.apply([rig.pod('meanwhile', 'rig-1')]);
    await rig.ok(['heal', 'rig-1']);
    await rig.ready('rig-1');
    await rig.podRuns('meanwhile');
    await rig.podRuns('on-rig-1');
    assert.equal(await rig.containerOf('on-rig-1'), container, 'the pod was restarted');
    assert.equal(await rig.bootId('rig-1'), boot);
  });

  it('are reached over a slow link', async () => {
    await rig.ok(['slow', 'rig-1', '--rate', '64kbit', '--delay', '500ms']);
    const beganMs = performance.now();
    await rig.kubectl.ok(['exec', 'on-rig-1', '--', 'uname'], { timeoutMs: 180_000 });
    assert.ok(performance.now() - beganMs > 1000, 'there and back takes twice the delay');
    await rig.ok(['slow', 'rig-1', '--rate', '0', '--delay', '0s']);
  });

  it('restart their pods without the hub', async () => {
    const boot = await rig.bootId('rig-1');
    const bootOf = (): Promise<string> => rig.ssh('rig-1', 'cat /proc/sys/kernel/random/boot_id');
    await rig.loseHub();
    await rig.ok(['reboot', 'rig-1']);
    const alone = await rig.until('rig-1 runs its pods alone', async () => {
      const now = await bootOf();
      const running = await rig.ssh('rig-1', "podman ps --format '{{.Names}} {{.Status}}'");
      return now !== boot && /main\S*on-rig-1\S* Up/.test(running) ? now : undefined;
    });
    await rig.restoreHub();
    await rig.ready('rig-1', boot);
    await rig.podRuns('on-rig-1');
    assert.equal(await bootOf(), alone);
  });

  it('come back with their pods after a power cut, and call none of them done', async () => {
    const boot = await rig.bootId('rig-2');
    await rig.kubectl.apply([rig.pod('once', 'rig-2', { restartPolicy: 'Never' })]);
    await rig.podRuns('once');
    await rig.ok(['power-cut', 'rig-2']);
    await rig.unreachable('rig-2');
    await rig.ok(['power-on', 'rig-2']);
    await rig.ready('rig-2', boot);
    await rig.podRuns('on-rig-2');
    await rig.kubectl.ok(['wait', '--for=jsonpath={.status.phase}=Failed', 'pod/once', '--timeout=120s'], {
      timeoutMs: 130_000,
    });
  });

  it('start in 1970 and know better', async () => {
    const boot = await rig.bootId('rig-2');
    await rig.ok(['clock', 'rig-2', '--set', '1970-01-01']);
    await rig.ready('rig-2', boot);
    await rig.podRuns('on-rig-2');
    assert.match(await rig.ssh('rig-2', 'logread'), /the clock is set to the time of the hub/);
    const seconds = Number(await rig.ssh('rig-2', 'date +%s'));
    assert.ok(Math.abs(Date.now() / 1000 - seconds) < 60, `it is ${seconds} seconds since 1970 there`);
  });
});
