// A device for tests: the agent in device mode as a process, with a boot
// partition and firmware programs that are a directory and three shell scripts,
// and an engine that says who it is and no more.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type DeviceConfig, deviceConfigName, deviceReportName, writeDeviceConfig } from '../../api/device/config.ts';
import { Arrivals } from './arrivals.ts';
import { endWithTest } from './children.ts';

const entry = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const pollMs = 50;
const defaultTimeoutMs = 30_000;

/** What the firmware's programs do, as far as a test sees it. */
const hooks = {
  'apply-config': 'echo "apply-config $(ls "$1" | tr "\\n" " ")" >> "$DEVICE/calls"',
  report: `cat > "$DEVICE/new-report" && if [ -s "$DEVICE/new-report" ]; then mv "$DEVICE/new-report" "$DEVICE/boot/${deviceReportName}"; else rm -f "$DEVICE/boot/${deviceReportName}"; fi`,
  'confirm-boot': 'echo confirm-boot >> "$DEVICE/calls"',
  'set-clock': 'echo set-clock "$@" >> "$DEVICE/calls"',
};

export class TestDevice {
  readonly directory: string;
  readonly hardwareId: string;
  output = new Arrivals<string>('device');
  #child: ChildProcessByStdio<null, Readable, Readable> | undefined;
  #ended: Promise<number> = Promise.resolve(0);
  #prefix: readonly string[];

  /**
   * @param prefix words before the command, such as `ip netns exec NAME`
   * @param parent the directory in which all that there is of the device is made
   */
  constructor(hardwareId: string, prefix: readonly string[] = [], parent = tmpdir()) {
    this.directory = mkdtempSync(join(parent, 'skerry-device-'));
    this.hardwareId = hardwareId;
    this.#prefix = prefix;
    for (const name of ['boot', 'hooks']) mkdirSync(join(this.directory, name));
    for (const [name, script] of Object.entries(hooks)) {
      const path = join(this.directory, 'hooks', name);
      writeFileSync(path, `#!/bin/sh\nDEVICE=${this.directory}\n${script}\n`);
      chmodSync(path, 0o755);
    }
  }

  get dataDirectory(): string {
    return join(this.directory, 'data');
  }

  /** Another board with a copy of this one's card. */
  clone(hardwareId: string): TestDevice {
    const copy = new TestDevice(hardwareId, this.#prefix);
    for (const name of ['boot', 'data'])
      if (existsSync(join(this.directory, name)))
        cpSync(join(this.directory, name), join(copy.directory, name), { recursive: true });
    return copy;
  }

  /** Writes skerry.yaml, as a person does on a computer. */
  configure(config: DeviceConfig | string): void {
    const text = typeof config === 'string' ? config : writeDeviceConfig(config);
    writeFileSync(join(this.directory, 'boot', deviceConfigName), text);
  }

  /** Switches it on. */
  start(args: readonly string[] = []): void {
    const paths = { 'data-dir': 'data', 'device-config': `boot/${deviceConfigName}`, 'device-hooks': 'hooks' };
    const options = { ...paths, 'device-run-dir': 'run', 'runtime-endpoint': 'engine.sock' };
    const words = Object.entries(options).flatMap(([name, path]) => [`--${name}`, join(this.directory, path)]);
    const own = ['--hardware-id', this.hardwareId, '--keepalive', '20s', '--log-level', 'error'];
    const command = [...this.#prefix, process.execPath, entry, 'agent', ...words, ...own, ...args];
    const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    endWithTest(child);
    const output = new Arrivals<string>(`device ${this.hardwareId}`);
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => output.push(line));
    this.#child = child;
    this.output = output;
    this.#ended = new Promise((resolve) =>
      child.once('close', (code) => {
        output.end();
        resolve(code ?? -1);
      }),
    );
  }

  /** Resolves with the exit code of the newest process. */
  get ended(): Promise<number> {
    return this.#ended;
  }

  /** Resolves with the node's name when the device runs as one. */
  async ready(timeoutMs = defaultTimeoutMs): Promise<string> {
    const prefix = 'skerry agent ready node=';
    const line = await this.output.first((text) => text.startsWith(prefix), 'the ready line', timeoutMs);
    return line.slice(prefix.length);
  }

  /** Resolves with the line when the device has said something on its console. */
  says(pattern: RegExp, timeoutMs = defaultTimeoutMs): Promise<string> {
    return this.output.first((line) => line.startsWith('skerry: ') && pattern.test(line), String(pattern), timeoutMs);
  }

  /** The report on the boot partition, '' when there is none. */
  get report(): string {
    const path = join(this.directory, 'boot', deviceReportName);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  /** Waits until the report on the boot partition is as wanted. */
  async reports(pattern: RegExp, timeoutMs = defaultTimeoutMs): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!pattern.test(this.report)) {
      if (performance.now() > deadline)
        throw new Error(`the report is not ${pattern} but:\n${this.report}\n${this.output.all.join('\n')}`);
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  /** What the firmware's programs were called for. */
  get calls(): string[] {
    const path = join(this.directory, 'calls');
    return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
  }

  /** A file of the data directory as JSON; undefined when it is not there. */
  read<T>(name: string): T | undefined {
    const path = join(this.dataDirectory, name);
    return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as T) : undefined;
  }

  /** Ends the process in order. */
  async stop(): Promise<void> {
    this.#child?.kill('SIGTERM');
    await this.#ended;
  }

  /** As a power cut. */
  async kill9(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  /** Ends the process and removes all that there is of the device. */
  async destroy(): Promise<void> {
    await this.kill9();
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }

  /** An engine that answers, until the signal aborts: for what happens when there is one. */
  serveEngine(signal: AbortSignal): Promise<void> {
    const server = createServer((request, response) => {
      const isVersion = request.url?.endsWith('/version') === true;
      response.writeHead(isVersion ? 200 : 404, { 'content-type': 'application/json' });
      response.end(JSON.stringify(isVersion ? { Version: '5.4' } : { message: 'not here' }));
    });
    signal.addEventListener('abort', () => {
      server.close();
      server.closeAllConnections();
    });
    return new Promise((resolve) => server.listen(join(this.directory, 'engine.sock'), resolve));
  }
}
