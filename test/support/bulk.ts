// Large data for tests of streams: files of random bytes, and checksums of
// what comes out at the other end.
import { createHash, randomFillSync } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';

const blockBytes = 1 << 20;

/** Writes a file of random bytes; returns its SHA-256. */
export async function writeRandomFile(path: string, bytes: number): Promise<string> {
  const file = await open(path, 'w');
  const hash = createHash('sha256');
  try {
    for (let left = bytes; left > 0; left -= blockBytes) {
      const block = randomFillSync(Buffer.alloc(Math.min(left, blockBytes)));
      hash.update(block);
      await file.write(block);
    }
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}

export type Digest = { bytes: number; sha256: string };

/** Reads a stream to its end. */
export async function digest(stream: Readable): Promise<Digest> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    hash.update(chunk);
  }
  return { bytes, sha256: hash.digest('hex') };
}

export async function digestFile(path: string): Promise<Digest> {
  return digest(createReadStream(path));
}
