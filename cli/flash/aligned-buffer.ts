// Memory at the start of a page, as direct access to drives (O_DIRECT) wants it.
// Node's buffers begin anywhere; the memory of WebAssembly is mapped in pages,
// and is the only one in JavaScript of which that is sure.

const pageBytes = 64 << 10;

type MemoryConstructor = new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
// Node's types have WebAssembly's name, but not its memory.
const { Memory } = (globalThis as unknown as { WebAssembly: { Memory: MemoryConstructor } }).WebAssembly;

/** A buffer of zeros that begins at a page. */
export function alignedBuffer(bytes: number): Buffer<ArrayBuffer> {
  const pages = Math.ceil(bytes / pageBytes);
  return Buffer.from(new Memory({ initial: pages, maximum: pages }).buffer, 0, bytes);
}
