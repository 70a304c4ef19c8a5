// A stream to a port of a pod as a socket, for HTTP to be spoken over it.
import { Duplex } from 'node:stream';
import { channels } from '../../api/wire/frames.ts';
import type { NodeStream } from './node-connector.ts';

export function tunnelSocket(node: NodeStream): Duplex {
  const output = node.output();
  return new Duplex({
    allowHalfOpen: true,
    read() {
      void output.next().then(
        ({ done, value }) => this.push(done === true ? null : value.bytes),
        (error: Error) => this.destroy(error),
      );
    },
    write(bytes: Uint8Array, _encoding, done) {
      void node
        .write(channels.input, bytes)
        .then((isOpen) => done(isOpen ? null : new Error('the connection is closed')));
    },
    final(done) {
      node.closeChannel(channels.input);
      done();
    },
    destroy(error, done) {
      node.cancel();
      done(error);
    },
  });
}
