// Docker's log stream: with a terminal it is raw, else each piece has a header
// of eight bytes (stream, length).
// https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach

type Piece = { stream: 'stdout' | 'stderr'; bytes: Buffer };

/** The pieces in a multiplexed stream, those of each chunk that was read together. */
export async function* demultiplexStreams(stream: AsyncIterable<Buffer>): AsyncGenerator<Piece[]> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    let buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const pieces: Piece[] = [];
    while (buffer.length >= 8) {
      const end = 8 + buffer.readUInt32BE(4);
      if (buffer.length < end) break;
      pieces.push({ stream: buffer[0] === 2 ? 'stderr' : 'stdout', bytes: buffer.subarray(8, end) });
      buffer = buffer.subarray(end);
    }
    rest = buffer;
    if (pieces.length > 0) yield pieces;
  }
}

/**
 * The output in a multiplexed stream, stdout and stderr as they come. A piece for each chunk that
 * was read, not for each line: every piece costs a frame on the wire and an answer to it.
 */
export async function* demultiplex(stream: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
  for await (const pieces of demultiplexStreams(stream)) yield Buffer.concat(pieces.map(({ bytes }) => bytes));
}
