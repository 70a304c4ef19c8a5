// Reads the file NAME.json beside an image, which may be damaged, of another
// release, or no manifest at all.
import { boardNames, type ImageFile, type ImageManifest, type ImagePartition } from './manifest.ts';

/** What was read is no manifest of an image. */
export class ManifestError extends Error {}

const maximumManifestCharacters = 4 << 20;
const maximumPartitions = 128;
const fileSystems = ['fat', 'squashfs', 'ext4', 'raw'] as const;

type Fields = Record<string, unknown>;

function fail(field: string, expected: string, found: unknown): never {
  const text = found === undefined ? 'nothing' : (JSON.stringify(found) ?? String(found)).slice(0, 60);
  throw new ManifestError(`${field}: expected ${expected}, found ${text}`);
}

function mapping(value: unknown, field: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fail(field, 'a mapping', value);
  return value as Fields;
}

function text(value: unknown, field: string, expected = 'a text', pattern = /^[^\0\n]{1,512}$/): string {
  return typeof value === 'string' && pattern.test(value) ? value : fail(field, expected, value);
}

function bytes(value: unknown, field: string, least: number): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value;
  return fail(field, `a number of bytes of at least ${least}`, value);
}

function oneOf<T extends string>(value: unknown, field: string, known: readonly T[]): T {
  const found = known.find((item) => item === value);
  return found ?? fail(field, `one of ${known.join(', ')}`, value);
}

function list<T>(value: unknown, field: string, read: (item: unknown, field: string) => T): T[] {
  if (!Array.isArray(value)) return fail(field, 'a list', value);
  return value.map((item, index) => read(item, `${field}[${index}]`));
}

function file(value: unknown, field: string): ImageFile {
  const fields = mapping(value, field);
  return {
    // Beside the manifest: a name that leads elsewhere is never followed.
    file: text(fields.file, `${field}.file`, 'the name of a file beside it', /^(?!\.{1,2}$)[^/\\\0\n]{1,255}$/),
    bytes: bytes(fields.bytes, `${field}.bytes`, 1),
    sha256: text(fields.sha256, `${field}.sha256`, '64 hexadecimal digits', /^[0-9a-f]{64}$/),
  };
}

function partition(value: unknown, field: string): ImagePartition {
  const fields = mapping(value, field);
  return {
    name: text(fields.name, `${field}.name`),
    startBytes: bytes(fields.startBytes, `${field}.startBytes`, 512),
    bytes: bytes(fields.bytes, `${field}.bytes`, 512),
    fileSystem: oneOf(fields.fileSystem, `${field}.fileSystem`, fileSystems),
  };
}

function debianPackage(value: unknown, field: string): ImageManifest['packages'][number] {
  const fields = mapping(value, field);
  return {
    name: text(fields.name, `${field}.name`),
    version: text(fields.version, `${field}.version`),
    architecture: text(fields.architecture, `${field}.architecture`),
  };
}

function partitions(value: unknown, imageBytes: number): ImagePartition[] {
  const found = list(value, 'partitions', partition);
  if (found.length > maximumPartitions) fail('partitions', `at most ${maximumPartitions}`, found.length);
  for (const [index, { startBytes, bytes: size }] of found.entries())
    if (startBytes + size > imageBytes) fail(`partitions[${index}]`, 'one within the image', startBytes + size);
  return found;
}

/**
 * Reads the text of a manifest.
 * @throws ManifestError naming the field and what was expected
 */
export function readManifest(source: string): ImageManifest {
  if (source.length > maximumManifestCharacters)
    throw new ManifestError(`expected at most ${maximumManifestCharacters} characters, found ${source.length}`);
  let content: unknown;
  try {
    content = JSON.parse(source);
  } catch (error) {
    throw new ManifestError('expected JSON', { cause: error });
  }
  const fields = mapping(content, 'manifest');
  if (fields.formatVersion !== 1) fail('formatVersion', '1 (is the image of a newer release?)', fields.formatVersion);
  const image = file(fields.image, 'image');
  return {
    formatVersion: 1,
    board: oneOf(fields.board, 'board', boardNames),
    version: text(fields.version, 'version'),
    builtAt: text(fields.builtAt, 'builtAt', 'a time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/),
    image,
    ...(fields.compressed === undefined ? {} : { compressed: file(fields.compressed, 'compressed') }),
    blockMap: file(fields.blockMap, 'blockMap'),
    partitions: partitions(fields.partitions, image.bytes),
    packages: list(fields.packages, 'packages', debianPackage),
    preloaded: list(fields.preloaded, 'preloaded', (item, field) => text(item, field)),
  };
}
