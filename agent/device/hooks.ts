// The programs of the firmware that the agent runs: they know the board's
// partitions and services, the agent knows what they should hold.
import { join } from 'node:path';
import type { Disk } from '../../platform/disk.ts';
import type { Log } from '../../platform/log.ts';
import type { runProgram } from '../../platform/process.ts';
import { type DeviceFile, deviceFileNames } from './files.ts';
import { hookOutputBytes, hookTimeoutMs } from './limits.ts';

export type HooksOptions = {
  /** Holds `apply-config`, `report`, `confirm-boot` and `set-clock`. */
  directory: string;
  /** Where `apply-config` finds its files. */
  runDirectory: string;
};
export type HooksParts = { disk: Disk; log: Log; runProgram: typeof runProgram };

export class Hooks {
  #options: HooksOptions;
  #parts: HooksParts;
  #applied: string | undefined;
  #reported: string | undefined;

  constructor(options: HooksOptions, parts: HooksParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** Hands files to the system, when they are others than before; resolves with what went wrong, if anything did. */
  async applyConfig(files: readonly DeviceFile[]): Promise<string | undefined> {
    const wanted = JSON.stringify(files);
    if (wanted === this.#applied) return undefined;
    const problem = (await this.#writeFiles(files)) ?? (await this.#run('apply-config', [this.#options.runDirectory]));
    if (problem === undefined) this.#applied = wanted;
    return problem;
  }

  /** @returns what went wrong */
  async #writeFiles(files: readonly DeviceFile[]): Promise<string | undefined> {
    const { runDirectory } = this.#options;
    const { disk } = this.#parts;
    try {
      await disk.makeDirectory(runDirectory);
      for (const name of deviceFileNames)
        if (!files.some((file) => file.name === name)) await disk.remove(join(runDirectory, name));
      for (const { name, content } of files) await disk.write(join(runDirectory, name), content);
      return undefined;
    } catch (error) {
      return `${runDirectory} can't be written: ${(error as Error).message}`;
    }
  }

  /** Replaces the report on the boot partition, which is written only when something changed. */
  async report(text: string): Promise<void> {
    if (text === this.#reported) return;
    if ((await this.#run('report', [], text)) === undefined) this.#reported = text;
  }

  /** This boot of this root slot is good. */
  async confirmBoot(): Promise<void> {
    await this.#run('confirm-boot', []);
  }

  /** Sets the clock, ms since 1970, unless the firmware has the time from elsewhere. */
  async setClock(timeMs: number): Promise<void> {
    await this.#run('set-clock', [String(Math.round(timeMs / 1000))]);
  }

  async #run(name: string, args: readonly string[], input = ''): Promise<string | undefined> {
    const { log, runProgram } = this.#parts;
    const limits = { timeoutMs: hookTimeoutMs, outputBytes: hookOutputBytes };
    try {
      const { code, output } = await runProgram(join(this.#options.directory, name), args, { input, ...limits });
      if (code === 0) return undefined;
      log.error({ hook: name, code, output }, 'a program of the firmware has failed');
      return `${name} ended with code ${code ?? 'none'}: ${output.trim().split('\n').at(-1)}`;
    } catch (error) {
      log.error({ hook: name, err: error }, 'a program of the firmware could not be run');
      return `${name} could not be run: ${(error as Error).message}`;
    }
  }
}
