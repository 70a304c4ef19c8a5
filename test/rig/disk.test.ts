// The disk of an emulated device at a power cut: what was flushed is there, what was
// only written is not. qemu-io (Debian's qemu-utils) writes as QEMU does.
import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { devicePaths } from '../../cli/rig/device.ts';
import { diskCommand } from '../../cli/rig/machine.ts';
import { cutPower } from '../../cli/rig/power.ts';
import { runTool } from '../../firmware-images/tools.ts';
import { Arrivals } from '../support/arrivals.ts';
import { endWithTest } from '../support/children.ts';

const block = 4096;

/** A qemu-io that is connected to the disk; it tells when a command is done. */
class Writer {
  #child: ChildProcessWithoutNullStreams;
  #output = new Arrivals<string>('qemu-io');
  #commands = 0;

  readonly #closed: Promise<unknown>;

  constructor(socket: string) {
    this.#child = spawn('qemu-io', ['-f', 'raw', '-t', 'writeback', `nbd+unix:///?socket=${socket}`]);
    endWithTest(this.#child);
    this.#closed = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.stdin.on('error', () => undefined);
    this.#child.stdout.on('data', (chunk: Buffer) => this.#output.push(chunk.toString()));
  }

  async write(pattern: number, at: number): Promise<void> {
    await this.#do(`write -P ${pattern} ${at} ${block}`);
  }

  async flush(): Promise<void> {
    await this.#do('flush');
  }

  /** Resolves when it asks for the next command. */
  async #do(command: string): Promise<void> {
    this.#commands += 1;
    const prompts = (): number => this.#output.all.join('').split('qemu-io> ').length - 1;
    // The first prompt is there before any command.
    this.#child.stdin.write(`${command}\n`);
    await this.#output.first(() => prompts() > this.#commands, `the end of ${command}`);
    assert.doesNotMatch(this.#output.all.join(''), /failed|error/i);
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }
}

describe("a device's disk", { timeout: 120_000 }, () => {
  const rigDirectory = mkdtempSync(join(tmpdir(), 'skerry-disk-'));
  const paths = devicePaths(rigDirectory, 'd');
  let writer: Writer;
  before(() => mkdirSync(paths.directory, { recursive: true }));
  beforeEach(async () => {
    writeFileSync(paths.disk, '');
    truncateSync(paths.disk, 1 << 20);
    const [program, ...args] = diskCommand('qemu-arm64', paths);
    await runTool(program, args, { environment: { TMPDIR: paths.directory } });
    writer = new Writer(paths.diskSocket);
  });
  afterEach(async () => {
    await writer.kill();
    await cutPower(rigDirectory, 'd');
    rmSync(paths.diskSocket, { force: true });
  });
  after(() => rmSync(rigDirectory, { recursive: true, force: true }));

  it('has what was flushed and nothing of what was not, after a power cut', async () => {
    await writer.write(0xaa, 0);
    await writer.flush();
    await writer.write(0xbb, block);
    await writer.write(0xbb, 0);
    await cutPower(rigDirectory, 'd');
    const disk = readFileSync(paths.disk);
    assert.equal(disk[0], 0xaa, 'a flushed block was lost, or overwritten by one that was not flushed');
    assert.equal(disk[block], 0, 'a block that was not flushed is there');
  });

  it('loses what was not flushed too when the machine goes first', async () => {
    await writer.write(0xcc, 0);
    await writer.kill();
    await cutPower(rigDirectory, 'd');
    assert.equal(readFileSync(paths.disk)[0], 0);
  });
});
