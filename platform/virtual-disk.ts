// A disk in memory with the two properties that matter to its users: what was
// written is there after a crash, and it can be full.
import type { Disk, DiskFile, ReadableFile } from './disk.ts';

export class VirtualDisk implements Disk {
  #files = new Map<string, Uint8Array>();
  /** When true, every write fails as on a full disk. */
  full = false;
  /** Number of writes so far: a device at steady state must not move it. */
  writes = 0;

  async read(path: string): Promise<Uint8Array | undefined> {
    return this.#files.get(path);
  }

  async *readChunks(path: string): AsyncIterable<Uint8Array> {
    const content = this.#files.get(path);
    if (content === undefined) throw Object.assign(new Error(`no such file: ${path}`), { code: 'ENOENT' });
    yield content;
  }

  async write(path: string, content: string | Uint8Array): Promise<void> {
    if (this.full) throw Object.assign(new Error(`no space left on device: ${path}`), { code: 'ENOSPC' });
    this.writes += 1;
    this.#files.set(path, typeof content === 'string' ? Buffer.from(content) : content);
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
    const content = Buffer.from(this.#files.get(path) ?? []).toString();
    return content.startsWith('-> ') ? content.slice(3) : undefined;
  }

  async kind(path: string): Promise<'file' | 'directory' | undefined> {
    if (this.#files.has(path)) return 'file';
    return [...this.#files.keys()].some((file) => file.startsWith(`${path}/`)) ? 'directory' : undefined;
  }

  async remove(path: string): Promise<void> {
    for (const file of [...this.#files.keys()]) {
      if (file === path || file.startsWith(`${path}/`)) this.#files.delete(file);
    }
  }

  async open(path: string): Promise<DiskFile> {
    throw new Error(`the virtual disk has no open files: ${path}`);
  }

  async openToRead(path: string): Promise<ReadableFile | undefined> {
    throw new Error(`the virtual disk has no open files: ${path}`);
  }

  async fileId(path: string): Promise<string | undefined> {
    return this.#files.has(path) ? path : undefined;
  }
}
