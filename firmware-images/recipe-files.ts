// Where the files are that go into images as they stand: scripts of the devices,
// configurations of boot loaders.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ToolError } from './tools.ts';

/** Path of a file or directory below firmware-images/files. @throws ToolError where they do not come with the program */
export function recipeFile(path: string): string {
  // A single executable has no directory of its own.
  const directory = import.meta.dirname as string | undefined;
  const file = directory === undefined ? '' : join(directory, 'files', path);
  if (existsSync(file)) return file;
  throw new ToolError(
    'images are built from a checkout of Skerry or from its npm package: this program carries no recipes',
  );
}
