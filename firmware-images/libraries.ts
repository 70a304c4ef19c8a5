// Which shared libraries the programs of a root need, read from the ELF files
// themselves: nothing of another processor can be run here.
// https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.dynamic.html
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, realpathSync } from 'node:fs';
import { join, relative } from 'node:path';

const folders = ['usr/lib', 'usr/lib64'];
const dynamicNeeded = 1;
const dynamicStringTable = 5;
const segmentLoad = 1;
const segmentDynamic = 2;
const segmentInterpreter = 3;

type Segment = { type: number; offset: number; address: number; size: number };
type ElfImage = { needed: string[]; interpreter: string | undefined };

/** Reads the little-endian ELF files of 32 and 64 bits; undefined when it is none. */
function readElf(bytes: Buffer): ElfImage | undefined {
  if (bytes.length < 64 || bytes.readUInt32BE(0) !== 0x7f454c46) return undefined;
  const wide = bytes[4] === 2;
  const word = (offset: number): number => (wide ? Number(bytes.readBigUInt64LE(offset)) : bytes.readUInt32LE(offset));
  const headers = word(wide ? 32 : 28);
  const [size, count] = [bytes.readUInt16LE(wide ? 54 : 42), bytes.readUInt16LE(wide ? 56 : 44)];
  const segments: Segment[] = Array.from({ length: count }, (_, index) => {
    const at = headers + index * size;
    return wide
      ? { type: bytes.readUInt32LE(at), offset: word(at + 8), address: word(at + 16), size: word(at + 32) }
      : { type: bytes.readUInt32LE(at), offset: word(at + 4), address: word(at + 8), size: word(at + 16) };
  });
  const interpreter = segments.find(({ type }) => type === segmentInterpreter);
  return {
    needed: neededOf(bytes, segments, wide ? 8 : 4, word),
    interpreter: interpreter === undefined ? undefined : textAt(bytes, interpreter.offset),
  };
}

function neededOf(bytes: Buffer, segments: Segment[], wordBytes: number, word: (offset: number) => number): string[] {
  const dynamic = segments.find(({ type }) => type === segmentDynamic);
  if (dynamic === undefined) return [];
  const entries: { tag: number; value: number }[] = [];
  for (let at = dynamic.offset; at + 2 * wordBytes <= dynamic.offset + dynamic.size; at += 2 * wordBytes)
    entries.push({ tag: word(at), value: word(at + wordBytes) });
  const table = entries.find(({ tag }) => tag === dynamicStringTable)?.value ?? 0;
  const load = segments.find(
    ({ type, address, size }) => type === segmentLoad && table >= address && table < address + size,
  );
  const strings = table - (load?.address ?? 0) + (load?.offset ?? 0);
  return entries.filter(({ tag }) => tag === dynamicNeeded).map(({ value }) => textAt(bytes, strings + value));
}

function textAt(bytes: Buffer, offset: number): string {
  return bytes.toString('latin1', offset, bytes.indexOf(0, offset));
}

function isElf(path: string): boolean {
  const file = openSync(path, 'r');
  try {
    const start = Buffer.alloc(4);
    return readSync(file, start, 0, 4, 0) === 4 && start.readUInt32BE(0) === 0x7f454c46;
  } finally {
    closeSync(file);
  }
}

/** Where a root has its libraries: name -> path below the root. */
function libraryPaths(root: string): Map<string, string> {
  const found = new Map<string, string>();
  const walk = (folder: string, depth: number): void => {
    if (!existsSync(join(root, folder))) return;
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && depth > 0) walk(path, depth - 1);
      else if (/\.so(\.|$)/.test(entry.name) && !found.has(entry.name)) found.set(entry.name, path);
    }
  };
  for (const folder of folders) walk(folder, 2);
  return found;
}

/** A path of the root with its links followed inside of it: /lib is usr/lib there. */
function inRoot(root: string, path: string): string {
  const real = realpathSync(join(root, path));
  return relative(realpathSync(root), real).startsWith('..') ? path : real;
}

/**
 * Paths below the root of all libraries that a program needs, its loader included.
 * @throws Error naming a library that the root does not have
 */
export function neededLibraries(root: string, program: string): string[] {
  const known = libraryPaths(root);
  const needed = new Set<string>();
  const visit = (path: string, by: string): void => {
    const image = readElf(readFileSync(inRoot(root, path)));
    const interpreter = image?.interpreter?.replace(/^\//, '');
    if (interpreter !== undefined) needed.add(interpreter);
    for (const name of image?.needed ?? []) {
      const library = known.get(name);
      if (library === undefined) throw new Error(`${by} needs ${name}, which no package has`);
      if (needed.has(library)) continue;
      needed.add(library);
      visit(library, library);
    }
  };
  visit(program, program);
  return [...needed];
}

/** Proves that every program of a root has its libraries. @throws Error naming one that does not */
export function checkLibraries(root: string): void {
  for (const folder of ['usr/bin', 'usr/sbin', 'usr/libexec', 'usr/lib/podman'])
    for (const entry of existsSync(join(root, folder))
      ? readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      : []) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile() && isElf(path)) neededLibraries(root, relative(root, path));
    }
}
