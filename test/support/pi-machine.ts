// QEMU's raspi3b or raspi2b with an image's card: kernel, initramfs, device tree and command
// line come from the card's own slot, and a hub of its own is what it joins.
//
// What the emulator does not do: it runs no firmware, resets at once when its
// watchdog is started (that driver is left out), and its only network is a device on
// USB, which has an identifier of an old one with another protocol (cdc_subset).
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { deviceConfigName, writeDeviceConfig } from '../../api/device/config.ts';
import type { BoardName } from '../../firmware-images/manifest.ts';
import { runTool } from '../../firmware-images/tools.ts';
import { endWithTest } from './children.ts';
import { startHub, type TestHub } from './hub.ts';
import type { PiImage } from './pi-image.ts';

const execute = promisify(execFile);
const entry = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
/** The machine takes cards of a power of two. */
const cardBytes = 2 ** 31;
/** As the guest reaches this machine. */
const hostAddress = '10.0.2.2';
const nodeName = 'pi';
type Emulated = {
  emulator: string;
  machine: string;
  kernel: string;
  deviceTree: string;
  /** The console that programs write to, and which of QEMU's serial ports that is. */
  console: { name: string; port: number };
};
/** What QEMU has of each board's models. */
const machines: Partial<Record<BoardName, Emulated>> = {
  'rpi-arm64': {
    emulator: 'qemu-system-aarch64',
    machine: 'raspi3b',
    kernel: 'kernel8.img',
    deviceTree: 'bcm2837-rpi-3-b.dtb',
    console: { name: 'ttyS1', port: 1 },
  },
  'rpi-armhf': {
    emulator: 'qemu-system-arm',
    machine: 'raspi2b',
    kernel: 'kernel7.img',
    deviceTree: 'bcm2836-rpi-2-b.dtb',
    console: { name: 'ttyAMA0', port: 0 },
  },
};
const pollMs = 2000;
/** A slot is copied at the emulated card's pace. */
const commandTimeoutMs = 20 * 60_000;

function machineOf({ manifest: { board } }: PiImage): Emulated {
  const machine = machines[board];
  assert.ok(machine !== undefined, `QEMU has no ${board}`);
  return machine;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}

export class PiMachine {
  readonly #directory: string;
  readonly #hub: TestHub;
  readonly #sshPort: number;
  #qemu: ChildProcess | undefined;

  private constructor(directory: string, hub: TestHub, sshPort: number) {
    this.#directory = directory;
    this.#hub = hub;
    this.#sshPort = sshPort;
  }

  static async start(image: PiImage): Promise<PiMachine> {
    const hub = await startHub({ args: ['--tls-san', hostAddress] });
    const machine = new PiMachine(mkdtempSync(join(tmpdir(), 'skerry-pi-')), hub, await freePort());
    try {
      await machine.#prepare(image);
      machine.#powerOn(image);
      return machine;
    } catch (error) {
      await machine.stop();
      throw error;
    }
  }

  /** A card with the hub's address, a token and a key of the test. */
  async #prepare(image: PiImage): Promise<void> {
    await runTool('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', this.#path('key')]);
    const { stdout } = await execute(process.execPath, [
      ...[entry, 'token', 'create', '--data-dir', this.#hub.dataDirectory],
    ]);
    const config = writeDeviceConfig({
      hub: `mqtts://${hostAddress}:${new URL(this.#hub.mqttUrl).port}`,
      token: stdout.trim(),
      name: nodeName,
      sshKeys: [readFileSync(this.#path('key.pub'), 'utf8').trim()],
    });
    writeFileSync(this.#path(deviceConfigName), config);
    await runTool('cp', ['--sparse=always', image.path, this.#path('card.img')]);
    truncateSync(this.#path('card.img'), cardBytes);
    const boot = image.manifest.partitions[0];
    const place = `${this.#path('card.img')}@@${boot?.startBytes}`;
    await runTool('mcopy', ['-o', '-i', place, this.#path(deviceConfigName), `::${deviceConfigName}`], {
      environment: { MTOOLS_SKIP_CHECK: '1' },
    });
    const { kernel, deviceTree } = machineOf(image);
    for (const name of [kernel, 'initrd', deviceTree, 'cmdline.txt'])
      writeFileSync(this.#path(name), image.read('boot-a', name));
  }

  #powerOn(image: PiImage): void {
    const { emulator, machine, kernel, deviceTree, console } = machineOf(image);
    const line = readFileSync(this.#path('cmdline.txt'), 'utf8').trim();
    // The last console is the one that programs write to.
    const append = `${line} console=${console.name},115200 module_blacklist=bcm2835_wdt,cdc_subset`;
    const files = { '-kernel': kernel, '-initrd': 'initrd', '-dtb': deviceTree };
    const args = [
      ...['-M', machine, '-display', 'none', '-append', append],
      ...Object.entries(files).flatMap(([option, name]) => [option, this.#path(name)]),
      ...['-drive', `file=${this.#path('card.img')},if=sd,format=raw`],
      ...['-netdev', `user,id=net,hostfwd=tcp:127.0.0.1:${this.#sshPort}-:22`, '-device', 'usb-net,netdev=net'],
      ...[0, 1].flatMap((port) => ['-serial', port === console.port ? `file:${this.#path('console')}` : 'null']),
    ];
    this.#qemu = spawn(emulator, args, { stdio: 'ignore' });
    endWithTest(this.#qemu);
  }

  /** Resolves when the hub calls the device Ready. @throws Error with the end of what its console said */
  async ready(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    const isReady = '{.status.conditions[?(@.type=="Ready")].status}';
    while (performance.now() < deadline) {
      const { stdout } = await this.#hub.kubectl.run(['get', 'node', nodeName, '-o', `jsonpath=${isReady}`]);
      if (stdout === 'True') return;
      assert.equal(this.#qemu?.exitCode, null, 'QEMU has ended');
      await delay(pollMs);
    }
    throw new Error(`not Ready in ${timeoutMs / 1000} s:\n${readFileSync(this.#path('console'), 'utf8').slice(-3000)}`);
  }

  /** Runs a command on the device; resolves with what it printed. */
  async ssh(command: string): Promise<string> {
    const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR'];
    const { stdout } = await execute(
      'ssh',
      [
        ...options.flatMap((option) => ['-o', option]),
        ...['-i', this.#path('key'), '-p', String(this.#sshPort), 'root@127.0.0.1', command],
      ],
      { timeout: commandTimeoutMs },
    );
    return stdout;
  }

  async stop(): Promise<void> {
    const qemu = this.#qemu;
    if (qemu !== undefined && qemu.exitCode === null && qemu.signalCode === null) {
      const ended = new Promise((resolve) => qemu.once('exit', resolve));
      qemu.kill('SIGKILL');
      await ended;
    }
    await this.#hub.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}
