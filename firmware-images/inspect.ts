// Looks at images that were built: reads their manifests, and proves that the files
// beside them are what was built.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ImageFile, ImageManifest } from './manifest.ts';
import { readManifest } from './manifest-reader.ts';

/** Path of the manifest that belongs to a path that a person gave: NAME.json, NAME.img, NAME.img.zst or NAME. */
export function manifestPath(given: string): string {
  return `${given.replace(/\.(json|img|img\.zst|img\.bmap)$/, '')}.json`;
}

/** @throws Error that says what is wrong with the file */
export function readManifestFile(path: string): ImageManifest {
  if (!existsSync(path)) throw new Error(`${path} is not there: expected the manifest beside the image`);
  try {
    return readManifest(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** Manifests in a directory; files of other kinds are passed over. */
export function listManifests(directory: string): ImageManifest[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .flatMap((name) => {
      try {
        return [readManifestFile(join(directory, name))];
      } catch {
        return [];
      }
    });
}

/** Name, length and sum of a file. */
export async function describeFile(path: string, file: string): Promise<ImageFile> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return { file, bytes: statSync(path).size, sha256: hash.digest('hex') };
}

export type FileFinding = { file: string; problem: string | undefined };

/** Compares each file that the manifest names with what it says. Files that are not there are findings only if asked for. */
export async function verifyFiles(
  path: string,
  { image, compressed, blockMap }: ImageManifest,
): Promise<FileFinding[]> {
  const findings: FileFinding[] = [];
  for (const expected of [image, ...(compressed === undefined ? [] : [compressed]), blockMap])
    findings.push({ file: expected.file, problem: await problemOf(join(dirname(path), expected.file), expected) });
  return findings;
}

async function problemOf(path: string, expected: ImageFile): Promise<string | undefined> {
  if (!existsSync(path)) return 'is not there';
  const { size } = statSync(path);
  if (size !== expected.bytes)
    return `has ${size} bytes, expected ${expected.bytes}: it is truncated or of another build`;
  const { sha256 } = await describeFile(path, expected.file);
  return sha256 === expected.sha256
    ? undefined
    : `has the SHA-256 ${sha256}, expected ${expected.sha256}: it is damaged`;
}
