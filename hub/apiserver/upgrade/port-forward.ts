// Port-forward: SPDY streams, in pairs for data and errors, over a connection
// of its own or inside a WebSocket; and the older form of WebSocket channels.
// https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#connect-portforward-pod
import type { WebSocket } from 'ws';
import { badRequest } from '../../../api/meta/status.ts';
import { channels } from '../../../api/wire/frames.ts';
import type { NodeStream } from '../node-connector.ts';
import { failureOf } from './remote-command.ts';
import type { SpdyConnection, SpdyStream } from './spdy-connection.ts';
import { messagesOf, normalClosure, sendMessage } from './websocket-channels.ts';

/** Opens a connection to a port of the pod. @throws ApiError */
export type OpenPort = (port: number, signal: AbortSignal) => Promise<NodeStream>;

/** Pairs the streams of a connection by their request, and joins each pair with a port. */
export class SpdyPortForward {
  #openPort: OpenPort;
  #pairs = new Map<string, Partial<Record<'data' | 'error', SpdyStream>>>();
  #connection: SpdyConnection | undefined;

  constructor(openPort: OpenPort) {
    this.#openPort = openPort;
  }

  attach(connection: SpdyConnection): void {
    this.#connection = connection;
  }

  accept(stream: SpdyStream): void {
    const { streamtype, requestid = stream.headers.port ?? '' } = stream.headers;
    if (streamtype !== 'data' && streamtype !== 'error') return;
    const pair = this.#pairs.get(requestid) ?? {};
    pair[streamtype] = stream;
    this.#pairs.set(requestid, pair);
    if (pair.data === undefined || pair.error === undefined) return;
    this.#pairs.delete(requestid);
    void this.#join(pair.data, pair.error);
  }

  async #join(data: SpdyStream, error: SpdyStream): Promise<void> {
    const stop = new AbortController();
    const closed = this.#connection?.closed;
    const onClose = (): void => stop.abort();
    closed?.addEventListener('abort', onClose, { once: true });
    try {
      const node = await this.#openPort(Number(data.headers.port), stop.signal);
      const sending = pumpInput(data, node);
      for await (const { bytes } of node.output()) await data.write(bytes);
      await data.end();
      await error.end();
      node.cancel();
      await sending;
    } catch (problem) {
      const { message } = failureOf(problem);
      await error.write(Buffer.from(`error forwarding port ${data.headers.port} to pod: ${message}`));
      await error.end();
      await data.end();
    } finally {
      stop.abort();
      closed?.removeEventListener('abort', onClose);
      for (const stream of [data, error]) this.#connection?.forget(stream);
    }
  }
}

async function pumpInput(data: SpdyStream, node: NodeStream): Promise<void> {
  for await (const bytes of data.input()) if (!(await node.write(channels.input, bytes))) return;
  node.closeChannel(channels.input);
}

/** Ports that a WebSocket of the older form asks for, in order: two channels each. @throws ApiError BadRequest */
export function portsOf(query: URLSearchParams): number[] {
  const ports = query
    .getAll('ports')
    .flatMap((text) => text.split(','))
    .map(Number);
  if (ports.length === 0) throw badRequest('query parameter "port" is required');
  const wrong = ports.find((port) => !Number.isInteger(port) || port < 1 || port > 65535);
  if (wrong !== undefined) throw badRequest(`${wrong} is not a valid port`);
  return ports;
}

/** Channels `2n` and `2n + 1` are data and errors of the n-th port; each begins with the port's number. */
export async function forwardChannels(socket: WebSocket, ports: readonly number[], openPort: OpenPort): Promise<void> {
  const base64 = socket.protocol.includes('base64');
  const messages = messagesOf(socket, base64);
  const stop = new AbortController();
  const nodes = new Map<number, Promise<NodeStream | undefined>>();
  let open = ports.length;
  // When nothing is forwarded any more there is nothing to wait for.
  const onEnd = (): void => {
    open -= 1;
    if (open === 0) socket.close(normalClosure);
  };
  const send = (channel: number, bytes: Uint8Array): Promise<void> => sendMessage(socket, channel, bytes, base64);
  for (const [index, port] of ports.entries()) {
    const number = Buffer.alloc(2);
    number.writeUInt16LE(port);
    await send(2 * index, number);
    await send(2 * index + 1, number);
    nodes.set(2 * index, joinChannel(index, port, { send, openPort, onEnd, signal: stop.signal }));
  }
  for await (const { channel, bytes } of messages) {
    const node = await nodes.get(channel);
    if (bytes !== undefined) await node?.write(channels.input, bytes);
  }
  stop.abort();
}

type ChannelParts = {
  send: (channel: number, bytes: Uint8Array) => Promise<void>;
  openPort: OpenPort;
  onEnd: () => void;
  signal: AbortSignal;
};

async function joinChannel(
  index: number,
  port: number,
  { send, openPort, onEnd, signal }: ChannelParts,
): Promise<NodeStream | undefined> {
  const fail = (error: unknown): Promise<void> => send(2 * index + 1, Buffer.from(failureOf(error).message ?? ''));
  try {
    const node = await openPort(port, signal);
    const pump = async (): Promise<void> => {
      for await (const { bytes } of node.output()) await send(2 * index, bytes);
    };
    void pump().catch(fail).then(onEnd);
    return node;
  } catch (error) {
    await fail(error);
    onEnd();
    return undefined;
  }
}
