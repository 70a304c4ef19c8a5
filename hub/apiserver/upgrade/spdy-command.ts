// Commands over SPDY, as clients from before WebSockets send them: a stream for
// each of input, output, errors, the terminal's size, and how it ended.
// https://github.com/kubernetes/design-proposals-archive/blob/main/node/container-runtime-interface-v1.md
import { channels } from '../../../api/wire/frames.ts';
import { type ClientChannels, problemText } from './remote-command.ts';
import type { SpdyConnection, SpdyStream } from './spdy-connection.ts';

/** Versions of the protocol, the best first: from the fourth on the end is a Status, from the third on terminals have a size. */
export const spdyCommandProtocols = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v3.channel.k8s.io',
  'v2.channel.k8s.io',
];

type StreamType = 'error' | 'stdin' | 'stdout' | 'stderr' | 'resize';

/** The streams that a client opens for what it asks for. */
export function expectedStreams(
  asked: { stdin: boolean; stdout: boolean; stderr: boolean; tty: boolean },
  protocol: string,
): StreamType[] {
  const hasResize = asked.tty && protocol !== 'v2.channel.k8s.io';
  return [
    'error',
    ...(asked.stdin ? (['stdin'] as const) : []),
    ...(asked.stdout ? (['stdout'] as const) : []),
    ...(asked.stderr && !asked.tty ? (['stderr'] as const) : []),
    ...(hasResize ? (['resize'] as const) : []),
  ];
}

/** Collects a client's streams by their type. */
export class CommandStreams {
  #expected: readonly StreamType[];
  #streams = new Map<string, SpdyStream>();
  #complete: () => void = () => undefined;
  /** Resolves when all are there. */
  readonly complete: Promise<void>;

  constructor(expected: readonly StreamType[]) {
    this.#expected = expected;
    this.complete = new Promise((resolve) => {
      this.#complete = resolve;
    });
  }

  accept(stream: SpdyStream): void {
    const type = stream.headers.streamtype ?? '';
    if (!this.#streams.has(type)) this.#streams.set(type, stream);
    if (this.#expected.every((name) => this.#streams.has(name))) this.#complete();
  }

  get(type: StreamType): SpdyStream | undefined {
    return this.#streams.get(type);
  }
}

/** The client's side of a command over SPDY. */
export function spdyChannels(connection: SpdyConnection, streams: CommandStreams, protocol: string): ClientChannels {
  const byChannel: Record<number, SpdyStream | undefined> = {
    [channels.output]: streams.get('stdout'),
    [channels.error]: streams.get('stderr'),
  };
  const knowsStatus = protocol.startsWith('v4.') || protocol.startsWith('v5.');
  return {
    input: inputOf(connection, streams),
    send: async (channel, bytes) => {
      await byChannel[channel]?.write(bytes);
    },
    finish: async (status) => {
      for (const stream of Object.values(byChannel)) await stream?.end();
      const error = streams.get('error');
      const text = knowsStatus ? JSON.stringify(status) : problemText(status);
      if (text !== '') await error?.write(Buffer.from(text));
      await error?.end();
      connection.close();
    },
  };
}

/** Input and sizes as they come, until the connection closes. */
async function* inputOf(
  connection: SpdyConnection,
  streams: CommandStreams,
): AsyncGenerator<{ channel: number; bytes?: Uint8Array }> {
  const queue: { channel: number; bytes?: Uint8Array }[] = [];
  let wake: () => void = () => undefined;
  const follow = async (stream: SpdyStream | undefined, channel: number): Promise<void> => {
    if (stream === undefined) return;
    for await (const bytes of stream.input()) {
      await new Promise<void>((taken) => {
        queue.push({ channel, bytes });
        waiters.push(taken);
        wake();
      });
    }
    queue.push({ channel });
    waiters.push(() => undefined);
    wake();
  };
  const waiters: (() => void)[] = [];
  connection.closed.addEventListener('abort', () => wake(), { once: true });
  void follow(streams.get('stdin'), channels.input);
  void follow(streams.get('resize'), channels.resize);
  while (!connection.closed.aborted) {
    const item = queue.shift();
    if (item === undefined) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      continue;
    }
    yield item;
    waiters.shift()?.();
  }
}
