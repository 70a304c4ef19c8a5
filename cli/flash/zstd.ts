// The little of zstd's format that must be known before anything is unpacked.
// RFC 8878, section 3.1.1.1.

const magic = 0xfd2fb528;

/** Size of the content as the first frame's header tells it, in bytes; undefined when it does not, or is no zstd. */
export function zstdContentBytes(start: Buffer): number | undefined {
  if (start.length < 6 || start.readUInt32LE(0) !== magic) return undefined;
  const descriptor = start.readUInt8(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const offset = 5 + (singleSegment ? 0 : 1) + dictionaryBytes;
  const fieldBytes = sizeFlag === 0 ? (singleSegment ? 1 : 0) : 1 << sizeFlag;
  if (fieldBytes === 0 || start.length < offset + fieldBytes) return undefined;
  if (fieldBytes === 8) return Number(start.readBigUInt64LE(offset));
  // Two bytes count from 256 on.
  return start.readUIntLE(offset, fieldBytes) + (fieldBytes === 2 ? 256 : 0);
}
