// The command lines of a device: what QEMU and its disk are told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boardNames } from '../../firmware-images/manifest.ts';
import { devicePaths, pathProblem, type RigDevice } from './device.ts';
import { diskCommand, machineCommand, requirements, sshArguments } from './machine.ts';

const device: RigDevice = {
  name: 'rig-1',
  board: 'qemu-arm64',
  memoryMib: 1024,
  cpus: 2,
  linkPort: 40001,
  sshPort: 40002,
  hub: { host: '127.0.0.1', port: 8883 },
  link: { cut: false },
};
const paths = devicePaths('/rig', 'rig-1');
const pc = { architecture: 'x64', kvm: true };

function optionOf(args: readonly string[], option: string): string | undefined {
  return args[args.indexOf(option) + 1];
}

test('a foreign processor is emulated, the own one is not', () => {
  const [program, ...args] = machineCommand(device, paths, pc);
  assert.equal(program, 'qemu-system-aarch64');
  assert.match(optionOf(args, '-accel') ?? '', /^tcg,/);
  const amd64 = { ...device, board: 'generic-amd64' as const };
  assert.equal(optionOf(machineCommand(amd64, paths, pc), '-accel'), 'kvm');
  assert.match(optionOf(machineCommand(amd64, paths, { ...pc, kvm: false }), '-accel') ?? '', /^tcg,/);
  assert.equal(optionOf(machineCommand(device, paths, { architecture: 'arm64', kvm: true }), '-cpu'), 'host');
});

test('QEMU writes to nothing but the disk that forgets what was not flushed', () => {
  const args = machineCommand(device, paths, pc);
  assert.equal(args.filter((argument) => argument === '-blockdev' || argument === '-drive').length, 1);
  const disk: unknown = JSON.parse(optionOf(args, '-blockdev') ?? '');
  assert.deepEqual(disk, { driver: 'nbd', 'node-name': 'disk', server: { type: 'unix', path: paths.diskSocket } });
  assert.ok(diskCommand(device.board, paths).includes('cache=writeback'));
  assert.ok(diskCommand(device.board, paths).includes(paths.disk));
});

test('both programs carry the path of their pid file, by which they are known', () => {
  assert.ok(machineCommand(device, paths, pc).includes(paths.machinePid));
  assert.ok(diskCommand(device.board, paths).includes(paths.diskPid));
});

test('only loopback leads to a device, and commas in paths are no options', () => {
  const comma = machineCommand(device, devicePaths('/a,b', 'rig-1'), pc);
  assert.equal(optionOf(comma, '-netdev'), 'user,id=net,hostfwd=tcp:127.0.0.1:40002-:22');
  assert.match(optionOf(comma, '-chardev') ?? '', /path=\/a,,b\/devices\/rig-1\/console\.sock,/);
});

test('a clock is given when the device has one of its own', () => {
  assert.equal(machineCommand(device, paths, pc).includes('-rtc'), false);
  const args = machineCommand({ ...device, clock: '1970-01-01T00:00:00' }, paths, pc);
  assert.equal(optionOf(args, '-rtc'), 'base=1970-01-01T00:00:00,clock=vm');
});

test('what a board needs is named with the packages that have it', () => {
  for (const board of boardNames) {
    const { programs, files } = requirements(board);
    assert.ok(programs.some(({ path }) => path.startsWith('qemu-system-')));
    assert.equal(files.length, board.startsWith('rpi-') ? 0 : 1);
  }
});

test('a Raspberry Pi is started with what its firmware would take from the card', () => {
  const boot = { kernel: '/b/kernel7.img', initramfs: '/b/initrd', deviceTree: '/b/pi.dtb', commandLine: 'quiet a=b' };
  const pi = { ...device, board: 'rpi-armhf' as const };
  const [program, ...args] = machineCommand(pi, paths, pc, boot);
  assert.equal(program, 'qemu-system-arm');
  assert.deepEqual(
    ['-M', '-kernel', '-initrd', '-dtb'].map((option) => optionOf(args, option)),
    ['raspi2b', boot.kernel, boot.initramfs, boot.deviceTree],
  );
  assert.match(optionOf(args, '-append') ?? '', /^quiet a=b console=ttyAMA0,115200 /);
  assert.match(optionOf(args, '-drive') ?? '', /^if=sd,format=raw,cache=writeback,file\.driver=nbd,/);
  assert.equal(diskCommand(pi.board, paths).includes('--filter=cache'), false);
  assert.throws(() => machineCommand(pi, paths, pc), /is started with files of its card/);
});

test('ssh knows no host but the device', () => {
  const args = sshArguments(device, paths, '/rig/id_ed25519');
  assert.ok(args.includes(`UserKnownHostsFile=${paths.knownHosts}`));
  assert.equal(args.at(-1), 'root@127.0.0.1');
});

test('a directory that is too deep for sockets is refused', () => {
  assert.equal(pathProblem('/rig', 'rig-1'), undefined);
  assert.match(
    pathProblem(`/${'d'.repeat(100)}`, 'rig-1') ?? '',
    /--rig-dir: expected a path that is \d+ bytes shorter/,
  );
});
