// Reads an image in ascending order, only where it holds data, plain or while it
// is unpacked, and checks each sum that is known of it as it goes by.
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { PassThrough, pipeline, Transform } from 'node:stream';
import { createZstdDecompress } from 'node:zlib';
import type { Extent } from './block-map.ts';
import { type Image, ImageError } from './image.ts';

/** A part of the image; the data are in the buffer that was given. */
export type Chunk = { startBytes: number; data: Buffer<ArrayBuffer> };

/** Bytes of the disk, in ascending order. */
type ByteSource = {
  /** Fills the buffer from this position on, which is not before the end of the last. @throws ImageError when it ends earlier */
  read: (startBytes: number, into: Buffer) => Promise<void>;
  /** After the last read: that nothing is left. @throws ImageError */
  finish: () => Promise<void>;
  close: () => Promise<void>;
};

class PlainSource implements ByteSource {
  #path: string;
  #file: FileHandle;

  constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  async read(startBytes: number, into: Buffer): Promise<void> {
    for (let done = 0; done < into.length; ) {
      const { bytesRead } = await this.#file.read(into, done, into.length - done, startBytes + done);
      if (bytesRead === 0) throw new ImageError(`${this.#path}: is cut off at ${startBytes + done} bytes`);
      done += bytesRead;
    }
  }

  async finish(): Promise<void> {}

  close(): Promise<void> {
    return this.#file.close();
  }
}

class ZstdSource implements ByteSource {
  #image: Image;
  #unpacked = new PassThrough({ highWaterMark: 1 << 20 });
  #iterator: AsyncIterator<Buffer>;
  #position = 0;
  #rest: Buffer = Buffer.alloc(0);
  #packedBytes = 0;
  #takenBytes: () => number;

  constructor(image: Image) {
    this.#image = image;
    const unpack = createZstdDecompress({ chunkSize: 1 << 20 });
    this.#takenBytes = () => unpack.bytesWritten;
    const counted = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        this.#packedBytes += chunk.length;
        done(null, chunk);
      },
    });
    const packed = createReadStream(image.path, { highWaterMark: 1 << 20 });
    // Errors come out of the last stream, where they are awaited.
    pipeline(packed, counted, unpack, this.#unpacked, () => undefined);
    this.#iterator = this.#unpacked[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  async read(startBytes: number, into: Buffer): Promise<void> {
    while (this.#position + this.#rest.length <= startBytes && startBytes > this.#position) {
      this.#position += this.#rest.length;
      await this.#more();
    }
    this.#rest = this.#rest.subarray(startBytes - this.#position);
    this.#position = startBytes;
    for (let done = 0; done < into.length; ) {
      if (this.#rest.length === 0) await this.#more();
      const copied = this.#rest.copy(into, done);
      this.#rest = this.#rest.subarray(copied);
      this.#position += copied;
      done += copied;
    }
  }

  async #more(): Promise<void> {
    const { value, done } = await this.#next();
    if (done === true)
      throw new ImageError(
        `${this.#image.path}: is cut off: unpacked it has ${this.#position} bytes, expected ${this.#image.bytes}`,
      );
    this.#rest = value;
  }

  async #next(): Promise<IteratorResult<Buffer, undefined>> {
    try {
      return await this.#iterator.next();
    } catch (error) {
      throw new ImageError(`${this.#image.path}: is damaged or cut off (zstd: ${(error as Error).message})`, {
        cause: error,
      });
    }
  }

  /** Reads on to the end: zstd's own checksum stands there. */
  async finish(): Promise<void> {
    const { path, bytes } = this.#image;
    let total = this.#position + this.#rest.length;
    for (;;) {
      const { value, done } = await this.#next();
      if (done === true) break;
      total += value.length;
    }
    if (total !== bytes) throw new ImageError(`${path}: unpacked it has ${total} bytes, expected ${bytes}`);
    if (this.#takenBytes() !== this.#packedBytes)
      throw new ImageError(`${path}: something stands behind the image's end`);
  }

  async close(): Promise<void> {
    this.#unpacked.destroy();
  }
}

/** One reading of an image from its start. */
export class ImageReader {
  #image: Image;
  #source: ByteSource;
  #extents: Extent[];
  #offset = 0;
  #checked: boolean;
  #sum: Hash | undefined;

  private constructor(image: Image, source: ByteSource, checked: boolean) {
    this.#image = image;
    this.#source = source;
    this.#extents = [...image.extents];
    this.#checked = checked;
  }

  /** @param checked whether the sums that are known of it are checked */
  static async open(image: Image, { checked = true } = {}): Promise<ImageReader> {
    const source = image.compressed ? new ZstdSource(image) : new PlainSource(image.path, await open(image.path, 'r'));
    return new ImageReader(image, source, checked);
  }

  /**
   * The next part that holds data, as much as the buffer takes; undefined after the last.
   * @throws ImageError when the image is damaged or cut off; what was read of the extent before is not to be trusted
   */
  async next(into: Buffer<ArrayBuffer>): Promise<Chunk | undefined> {
    const [extent] = this.#extents;
    if (extent === undefined) {
      await this.#source.finish();
      return undefined;
    }
    const startBytes = extent.startBytes + this.#offset;
    const data = into.subarray(0, Math.min(into.length, extent.bytes - this.#offset));
    await this.#source.read(startBytes, data);
    this.#check(extent, data);
    return { startBytes, data };
  }

  #check(extent: Extent, data: Buffer): void {
    this.#offset += data.length;
    const whole = this.#offset === extent.bytes;
    if (this.#checked && extent.sha256 !== undefined) {
      this.#sum ??= createHash('sha256');
      this.#sum.update(data);
      if (whole && this.#sum.digest('hex') !== extent.sha256)
        throw new ImageError(
          `${this.#image.path}: is damaged between ${extent.startBytes} and ${extent.startBytes + extent.bytes} bytes (SHA-256 differs)`,
        );
    }
    if (!whole) return;
    this.#extents.shift();
    this.#offset = 0;
    this.#sum = undefined;
  }

  close(): Promise<void> {
    return this.#source.close();
  }
}

/** The first bytes of the disk in an image; fewer when it is smaller. @throws ImageError */
export async function readStart(image: Image, bytes: number): Promise<Buffer> {
  const start = Buffer.alloc(Math.min(bytes, image.bytes));
  const reader = await ImageReader.open(image);
  try {
    for (;;) {
      const chunk = await reader.next(Buffer.alloc(start.length));
      if (chunk === undefined || chunk.startBytes >= start.length) return start;
      chunk.data.copy(start, chunk.startBytes);
      if (chunk.startBytes + chunk.data.length >= start.length) return start;
    }
  } finally {
    await reader.close();
  }
}
