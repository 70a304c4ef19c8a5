// Which kernel modules need which others, as depmod has written it down.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lines } from './tools.ts';

/** Path of each module below its version's folder -> paths of all that it depends on. */
export function readDependencies(modules: string): Map<string, string[]> {
  const rows = lines(readFileSync(join(modules, 'modules.dep'), 'utf8'));
  return new Map(
    rows.map((line) => {
      const [path = '', rest = ''] = line.split(':');
      return [path, rest.split(' ').filter((item) => item !== '')] as const;
    }),
  );
}
