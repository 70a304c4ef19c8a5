// Credit of one direction of a stream: what may be sent before the reader has
// taken more. The same on both sides, so that neither buffers without bound.

export class Credit {
  #bytes: number;
  #closed = false;
  #waiting: (() => void)[] = [];

  /** @param bytes that may be sent at once */
  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** Resolves when bytes may be sent, and books them; with false when the stream is over. */
  async take(bytes: number): Promise<boolean> {
    while (this.#bytes <= 0 && !this.#closed) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#bytes -= bytes;
    return !this.#closed;
  }

  /** The reader took this many bytes. */
  add(bytes: number): void {
    this.#bytes += bytes;
    this.#wake();
  }

  /** Nothing is sent any more. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
