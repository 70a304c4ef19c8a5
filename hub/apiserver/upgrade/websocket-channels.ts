// Kubernetes' channel protocols over WebSocket: the first byte of each message
// is the channel. `v5` can end a channel; the `base64` forms are for browsers.
// https://kubernetes.io/docs/reference/using-api/websockets/
import type { WebSocket } from 'ws';
import { maxWaitingBytes } from './limits.ts';
import { type ClientChannels, problemText } from './remote-command.ts';

/** The channel on which the end of a command is told. */
const statusChannel = 3;
/** In `v5`: the byte behind it is a channel that ends. */
const closeSignal = 255;
export const normalClosure = 1000;

/** Forms before `v4`, in which the status is a text and comes only with an error; a client may also name none. */
const olderProtocols = ['channel.k8s.io', 'base64.channel.k8s.io', ''];
export const commandProtocols = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v4.base64.channel.k8s.io',
  ...olderProtocols,
];

type Message = { channel: number; bytes?: Uint8Array };

/**
 * Messages of a WebSocket as they are taken, no more being read while much waits. Listens at once, so that
 * nothing is missed before the first is asked for. Ends when the socket closes.
 */
export function messagesOf(socket: WebSocket, base64: boolean): AsyncGenerator<Message> {
  const queue: Message[] = [];
  let waiting = 0;
  let isOpen = socket.readyState === socket.OPEN;
  let wake: () => void = () => undefined;
  socket.on('message', (data, isBinary) => {
    const message = parse(data as Buffer, base64 && !isBinary);
    if (message === undefined) return;
    queue.push(message);
    waiting += message.bytes?.length ?? 0;
    if (waiting > maxWaitingBytes) socket.pause();
    wake();
  });
  socket.once('close', () => {
    isOpen = false;
    wake();
  });
  async function* taken(): AsyncGenerator<Message> {
    for (;;) {
      const message = queue.shift();
      if (message !== undefined) {
        yield message;
        waiting -= message.bytes?.length ?? 0;
        if (waiting <= maxWaitingBytes && socket.isPaused) socket.resume();
      } else if (!isOpen) return;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  }
  return taken();
}

function parse(data: Buffer, base64: boolean): Message | undefined {
  const [first] = data;
  if (first === undefined) return undefined;
  if (base64) return { channel: first - 48, bytes: Buffer.from(data.subarray(1).toString(), 'base64') };
  if (first === closeSignal) return data.length > 1 ? { channel: data[1] ?? 0 } : undefined;
  return { channel: first, bytes: data.subarray(1) };
}

/** Sends a message on a channel; resolves when the socket takes more, or is closed. */
export function sendMessage(socket: WebSocket, channel: number, bytes: Uint8Array, base64: boolean): Promise<void> {
  const data = base64
    ? `${channel}${Buffer.from(bytes).toString('base64')}`
    : Buffer.concat([Buffer.from([channel]), bytes]);
  return new Promise((resolve) => socket.send(data, () => resolve()));
}

/** The client's side of a command over a WebSocket. */
export function websocketChannels(socket: WebSocket): ClientChannels {
  const base64 = socket.protocol.includes('base64');
  return {
    input: messagesOf(socket, base64),
    send: (channel, bytes) => sendMessage(socket, channel, bytes, base64),
    finish: async (status) => {
      const isOlder = olderProtocols.includes(socket.protocol);
      const text = isOlder ? problemText(status) : JSON.stringify(status);
      if (text !== '') await sendMessage(socket, statusChannel, Buffer.from(text), base64);
      socket.close(normalClosure);
    },
  };
}
