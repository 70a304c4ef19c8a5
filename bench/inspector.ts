// What a Node process tells of its own heap, over its inspector: memory that is
// garbage is not what a store of objects costs.
// https://chromedevtools.github.io/devtools-protocol/v8/
type Reply = { id: number; result?: Record<string, number>; error?: { message: string } };

const connectTimeoutMs = 10_000;

/** Arguments of a Node process that can be inspected, at a port of its choice. */
export const inspected = '--inspect=127.0.0.1:0';

export class Inspector {
  #socket: WebSocket;
  #next = 1;
  #waiting = new Map<number, { resolve: (result: Record<string, number>) => void; reject: (error: Error) => void }>();

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const { id, result = {}, error } = JSON.parse(String(data)) as Reply;
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(new Error(error.message));
    });
  }

  /** @param stderr what the process has written, its inspector's address among it */
  static async connect(undo: AsyncDisposableStack, stderr: string): Promise<Inspector> {
    const url = /ws:\/\/\S+/.exec(stderr)?.[0];
    if (url === undefined) throw new Error(`the process has no inspector: ${stderr}`);
    const socket = new WebSocket(url);
    undo.defer(() => socket.close());
    const signal = AbortSignal.timeout(connectTimeoutMs);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve, { once: true });
      socket.addEventListener('error', () => reject(new Error(`no inspector at ${url}`)), { once: true });
      signal.addEventListener('abort', () => reject(new Error(`no inspector at ${url} in time`)), { once: true });
    });
    return new Inspector(socket);
  }

  #call(method: string): Promise<Record<string, number>> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ id, method }));
    });
  }

  /** Bytes of the heap and of buffers that are in use, after all garbage has gone. */
  async usedBytes(): Promise<number> {
    await this.#call('HeapProfiler.collectGarbage');
    const { usedSize = 0, backingStorageSize = 0 } = await this.#call('Runtime.getHeapUsage');
    return usedSize + backingStorageSize;
  }
}
