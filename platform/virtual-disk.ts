// A disk in memory with the properties that matter to its users: what was
// written is there after a crash, it can be full, and an open file stays what
// it is whatever becomes of its name.
import type { Disk, DiskFile, ReadableFile } from './disk.ts';

/** A file without its name: names change, and it is there as long as it has one or is open. */
type Inode = { number: number; content: Uint8Array; opened: number; madeMs: number; changedMs: number };

export class VirtualDisk implements Disk {
  #files = new Map<string, Inode>();
  #numbers = new Set<number>();
  /** Passes with each change. */
  #timeMs = 0;
  /** When true, every write fails as on a full disk. */
  full = false;
  /** Number of writes so far: a device at steady state must not move it. */
  writes = 0;
  /** Files that are open for reading now: they keep their space. */
  openFiles = 0;

  async read(path: string): Promise<Uint8Array | undefined> {
    return this.#files.get(path)?.content;
  }

  async *readChunks(path: string): AsyncIterable<Uint8Array> {
    const content = this.#files.get(path)?.content;
    if (content === undefined) throw Object.assign(new Error(`no such file: ${path}`), { code: 'ENOENT' });
    yield content;
  }

  async write(path: string, content: string | Uint8Array): Promise<void> {
    if (this.full) throw Object.assign(new Error(`no space left on device: ${path}`), { code: 'ENOSPC' });
    this.writes += 1;
    this.#unlink(path);
    this.#files.set(path, this.#inode(Buffer.from(content)));
  }

  async list(path: string): Promise<string[]> {
    const prefix = `${path}/`;
    const names = new Set<string>();
    for (const file of this.#files.keys()) {
      if (file.startsWith(prefix)) names.add(file.slice(prefix.length).split('/')[0] ?? '');
    }
    return [...names].sort();
  }

  async makeDirectory(): Promise<void> {}

  async link(path: string, target: string): Promise<void> {
    await this.write(path, `-> ${target}`);
  }

  async readLink(path: string): Promise<string | undefined> {
    const content = Buffer.from(this.#files.get(path)?.content ?? []).toString();
    return content.startsWith('-> ') ? content.slice(3) : undefined;
  }

  async kind(path: string): Promise<'file' | 'directory' | undefined> {
    if (this.#files.has(path)) return 'file';
    return [...this.#files.keys()].some((file) => file.startsWith(`${path}/`)) ? 'directory' : undefined;
  }

  async remove(path: string): Promise<void> {
    for (const file of [...this.#files.keys()]) {
      if (file === path || file.startsWith(`${path}/`)) this.#unlink(file);
    }
  }

  async open(path: string): Promise<DiskFile> {
    throw new Error(`the virtual disk has no open files: ${path}`);
  }

  async openToRead(path: string): Promise<ReadableFile | undefined> {
    const inode = this.#files.get(path);
    if (inode === undefined) return undefined;
    inode.opened += 1;
    this.openFiles += 1;
    return {
      id: String(inode.number),
      read: async (buffer, position) => {
        const bytes = inode.content.subarray(position, position + buffer.length);
        buffer.set(bytes);
        return bytes.length;
      },
      sizeBytes: async () => inode.content.length,
      times: async () => ({ madeMs: inode.madeMs, changedMs: inode.changedMs }),
      close: async () => {
        inode.opened -= 1;
        this.openFiles -= 1;
        this.#free(inode);
      },
    };
  }

  async fileId(path: string): Promise<string | undefined> {
    const inode = this.#files.get(path);
    return inode && String(inode.number);
  }

  /** Adds to the end of a file, as another program does that has it open; makes it when there is none. */
  append(path: string, text: string): void {
    const inode = this.#files.get(path) ?? this.#inode(Buffer.alloc(0));
    inode.content = Buffer.concat([inode.content, Buffer.from(text)]);
    inode.changedMs = ++this.#timeMs;
    this.#files.set(path, inode);
  }

  /** Takes all that is in a file away; it stays the same file. */
  truncate(path: string): void {
    const inode = this.#files.get(path);
    if (inode === undefined) return;
    inode.content = Buffer.alloc(0);
    inode.changedMs = ++this.#timeMs;
  }

  /** Gives a file another name, whatever had that one; fine when there is none. */
  rename(from: string, to: string): void {
    const inode = this.#files.get(from);
    if (inode === undefined) return;
    this.#unlink(to);
    this.#files.delete(from);
    this.#files.set(to, inode);
    inode.changedMs = ++this.#timeMs;
  }

  /** With the lowest number that is free: as real ones do, it takes again what has just been given back. */
  #inode(content: Uint8Array): Inode {
    let number = 1;
    while (this.#numbers.has(number)) number += 1;
    this.#numbers.add(number);
    const nowMs = ++this.#timeMs;
    return { number, content, opened: 0, madeMs: nowMs, changedMs: nowMs };
  }

  #unlink(path: string): void {
    const inode = this.#files.get(path);
    this.#files.delete(path);
    if (inode === undefined) return;
    inode.changedMs = ++this.#timeMs;
    this.#free(inode);
  }

  #free(inode: Inode): void {
    if (inode.opened === 0 && ![...this.#files.values()].includes(inode)) this.#numbers.delete(inode.number);
  }
}
