// Docker's log stream: with a terminal it is raw, else each piece has a header
// of eight bytes (stream, length).
// https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach

/** The output in the pieces of a multiplexed stream, stdout and stderr as they come. */
export async function* demultiplex(stream: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    let buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (buffer.length >= 8) {
      const end = 8 + buffer.readUInt32BE(4);
      if (buffer.length < end) break;
      yield buffer.subarray(8, end);
      buffer = buffer.subarray(end);
    }
    rest = buffer;
  }
}
