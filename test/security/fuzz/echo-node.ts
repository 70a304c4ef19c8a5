// A node for hubs without agents: commands and ports echo what they are sent,
// ports answer to HTTP, logs have a line. So that what comes over upgraded
// connections goes all the way.
import { channels } from '../../../api/wire/frames.ts';
import type { NodeConnector, NodeStream } from '../../../hub/apiserver/node-connector.ts';

type Chunk = { channel: number; bytes: Uint8Array };

const httpAnswer = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nLocation: /x\r\n\r\nok');
const usage = JSON.stringify({ windowMs: 1000, node: { cpuNanoCores: 1, memoryBytes: 1 }, containers: [] });
/** More is taken, and not sent back. */
const maxEchoBytes = 1 << 20;

class EchoStream implements NodeStream {
  exitCode: number | undefined;
  #isPort: boolean;
  #chunks: Chunk[] = [];
  #wake: (() => void) | undefined;
  #isOver = false;
  #echoedBytes = 0;

  constructor(isPort: boolean) {
    this.#isPort = isPort;
  }

  async write(_channel: number, bytes: Uint8Array): Promise<boolean> {
    const isHttp = this.#isPort && /^[A-Z]+ \S+ HTTP\/1/.test(Buffer.from(bytes.subarray(0, 200)).toString('latin1'));
    const echoed = isHttp ? httpAnswer : bytes;
    this.#echoedBytes += echoed.length;
    if (this.#echoedBytes <= maxEchoBytes) this.#chunks.push({ channel: channels.output, bytes: echoed });
    this.#wake?.();
    return !this.#isOver;
  }

  closeChannel(): void {
    this.cancel();
  }

  async *output(): AsyncGenerator<Chunk> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) yield chunk;
      else if (this.#isOver) break;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
    this.exitCode = 0;
  }

  cancel(): void {
    this.#isOver = true;
    this.#wake?.();
  }
}

export const echoNode: NodeConnector = {
  open: async (_nodeName, { kind }, signal) => {
    const stream = new EchoStream(kind === 'port');
    if (kind === 'stats') {
      await stream.write(channels.output, Buffer.from(usage));
      stream.cancel();
    }
    signal.addEventListener('abort', () => stream.cancel(), { once: true });
    return stream;
  },
  logs: async () =>
    (async function* () {
      yield Buffer.from('a line\n');
    })(),
};
