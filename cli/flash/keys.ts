// Public keys for ssh, from the files that people keep them in.
import { readFileSync, statSync } from 'node:fs';
import { UsageError } from '../errors.ts';
import { maximumKeyFileBytes } from './limits.ts';

/** Lines of the key files, without comments. @throws UsageError */
export function readKeys(paths: string[]): string[] {
  return paths.flatMap((path) => {
    try {
      if (statSync(path).size > maximumKeyFileBytes) throw new Error('is too large for public keys');
      const lines = readFileSync(path, 'utf8').split('\n');
      return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
    } catch (error) {
      throw new UsageError(`--ssh-key ${path}: ${(error as Error).message}`, { cause: error });
    }
  });
}
