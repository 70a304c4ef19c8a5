// Programs of Debian that flashing uses: lsblk and mtools. Their own
// configuration and language are switched off.
import { execFile } from 'node:child_process';
import { CommandError } from '../errors.ts';
import { maximumToolOutputBytes, toolTimeoutMs } from './limits.ts';

const packages: Record<string, string> = { lsblk: 'util-linux', mcopy: 'mtools', mtype: 'mtools', eject: 'eject' };

export type ToolResult = { code: number; output: string; errors: string };

/**
 * Runs a program to its end, with a text as its input.
 * @throws CommandError when it is not installed or does not end
 */
export function runTool(name: string, args: string[], input = ''): Promise<ToolResult> {
  const environment = { ...process.env, LC_ALL: 'C', MTOOLSRC: '/dev/null', MTOOLS_SKIP_CHECK: '1' };
  return new Promise((resolve, reject) => {
    const child = execFile(
      name,
      args,
      { env: environment, timeout: toolTimeoutMs, maxBuffer: maximumToolOutputBytes, encoding: 'utf8' },
      (error, output, errors) => {
        const code = error === null ? 0 : error.code;
        if (typeof code === 'number') resolve({ code, output, errors });
        else if (error?.code === 'ENOENT')
          reject(new CommandError(`${name} is missing: sudo apt-get install ${packages[name] ?? name}`));
        else reject(new CommandError(`${name}: ${error?.message ?? 'failed'}`, { cause: error }));
      },
    );
    // A program that does not read its input to the end says why by itself.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}
