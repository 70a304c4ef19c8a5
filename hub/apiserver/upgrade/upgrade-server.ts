// Connections that leave HTTP: exec, attach and port-forward over WebSocket or
// SPDY, and whatever a proxied server speaks. Same authentication and
// authorisation as every request, before anything is switched.
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws';
import type { Operation } from '../../../api/meta/operation.ts';
import { ApiError, badRequest } from '../../../api/meta/status.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { Log } from '../../../platform/log.ts';
import { authenticate } from '../access/authentication.ts';
import { parseResourcePath, splitTarget } from '../request-path.ts';
import type { ApiServer } from '../server.ts';
import { maxMessageBytes, streamsWithinMs } from './limits.ts';
import { forwardChannels, portsOf, SpdyPortForward } from './port-forward.ts';
import { failureOf, joinCommand } from './remote-command.ts';
import { CommandStreams, expectedStreams, spdyChannels, spdyCommandProtocols } from './spdy-command.ts';
import { SpdyConnection, type SpdyStream } from './spdy-connection.ts';
import { commandProtocols, websocketChannels } from './websocket-channels.ts';

export type UpgradeParts = { server: ApiServer; clock: Clock; log: Log };

/** A request that wants to leave HTTP. */
type Switch = { request: IncomingMessage; socket: Duplex; head: Buffer; operation: Operation; query: URLSearchParams };

const forwardProtocol = 'portforward.k8s.io';
/** SPDY inside of a WebSocket, as kubectl forwards ports since 1.31. */
const tunnelProtocol = `SPDY/3.1+${forwardProtocol}`;
/** What stands for it inside, since `ws` takes no name with a slash. */
const tunnelAlias = 'spdy-portforward';
const channelProtocols = ['v4.channel.k8s.io', 'v4.base64.channel.k8s.io', ''];

export class UpgradeServer {
  #parts: UpgradeParts;
  #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxMessageBytes,
    perMessageDeflate: false,
    handleProtocols: (_offered, request) => chosenProtocol.get(request) ?? false,
  });

  constructor(parts: UpgradeParts) {
    this.#parts = parts;
    this.#sockets.on('headers', (headers) => {
      const index = headers.findIndex((line) => line.endsWith(tunnelAlias));
      if (index >= 0) headers[index] = `Sec-WebSocket-Protocol: ${tunnelProtocol}`;
    });
  }

  /** Takes the upgrades of an HTTPS server. */
  attach(server: Pick<Server, 'on'>): void {
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      socket.on('error', () => socket.destroy());
      this.#handle(request, socket, head).catch((error: unknown) => {
        if (!(error instanceof ApiError)) this.#parts.log.error({ err: error }, 'a stream failed unexpectedly');
        refuse(socket, error);
      });
    });
  }

  async #handle(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { server } = this.#parts;
    const { path: pathname, query } = splitTarget(request.url ?? '/');
    const path = parseResourcePath(pathname);
    const user = await authenticate(server, request);
    if (user === undefined) throw new ApiError('Unauthorized', 'Unauthorized');
    // A WebSocket begins with a GET (RFC 6455 section 4.1), SPDY with a POST too.
    if (request.method !== 'GET' && !(request.method === 'POST' && isSpdy(request)))
      throw new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource');
    if (path?.subresource === undefined || path.name === undefined)
      throw badRequest(`nothing at ${pathname} takes an upgraded connection`);
    const verb = request.method === 'GET' ? 'get' : 'create';
    const operation: Operation = { verb, ...path, user, query: {} };
    const asked: Switch = { request, socket, head, operation, query: new URLSearchParams(query) };
    switch (path.subresource) {
      case 'exec':
      case 'attach':
        return this.#command(asked);
      case 'portforward':
        return this.#forward(asked);
      case 'proxy':
        return server.proxyUpgrade(
          { ...operation, verb: 'get' },
          {
            request,
            socket,
            head,
            target: splitTarget(request.url ?? '/'),
          },
        );
      default:
        throw badRequest(`${path.subresource} does not take an upgraded connection`);
    }
  }

  async #command(asked: Switch): Promise<void> {
    const { server } = this.#parts;
    const { nodeName, target } = await server.commandTarget(asked.operation, asked.query);
    const stop = new AbortController();
    asked.socket.once('close', () => stop.abort());
    if (isSpdy(asked.request)) {
      const protocol = spdyProtocol(asked.request, spdyCommandProtocols);
      const streams = new CommandStreams(expectedStreams(target as Parameters<typeof expectedStreams>[0], protocol));
      const connection = this.#spdy(asked, protocol, (stream) => streams.accept(stream));
      const isComplete = await this.#inTime(streams.complete);
      if (!isComplete) return connection.close();
      const client = spdyChannels(connection, streams, protocol);
      return this.#join(client, () => server.openStream(nodeName, target, stop.signal));
    }
    const socket = await this.#websocket(asked, commandProtocols);
    return this.#join(websocketChannels(socket), () => server.openStream(nodeName, target, stop.signal));
  }

  /** Once the client has left HTTP, an error is told on its channel. */
  async #join(
    client: Parameters<typeof joinCommand>[0],
    open: () => Promise<Parameters<typeof joinCommand>[1]>,
  ): Promise<void> {
    try {
      await joinCommand(client, await open());
    } catch (error) {
      await client.finish(failureOf(error));
    }
  }

  async #forward(asked: Switch): Promise<void> {
    const openPort = await this.#parts.server.portOpener(asked.operation);
    const forward = new SpdyPortForward(openPort);
    if (isSpdy(asked.request)) {
      const protocol = spdyProtocol(asked.request, [forwardProtocol]);
      forward.attach(this.#spdy(asked, protocol, (stream) => forward.accept(stream)));
      return;
    }
    const protocols = offeredProtocols(asked.request);
    if (protocols.includes(tunnelProtocol)) {
      const socket = await this.#websocket(asked, [tunnelProtocol]);
      const connection = new SpdyConnection(createWebSocketStream(socket), (stream) => forward.accept(stream));
      forward.attach(connection);
      return this.#run(connection, Buffer.alloc(0));
    }
    const ports = portsOf(asked.query);
    const socket = await this.#websocket(asked, channelProtocols);
    await forwardChannels(socket, ports, openPort);
  }

  #spdy({ socket, head }: Switch, protocol: string, onStream: (stream: SpdyStream) => void): SpdyConnection {
    const connection = new SpdyConnection(socket, onStream);
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
    );
    void this.#run(connection, head);
    return connection;
  }

  async #run(connection: SpdyConnection, head: Buffer): Promise<void> {
    await connection
      .run(head)
      .catch((error: unknown) => this.#parts.log.info({ err: error }, 'a SPDY connection was given up'));
  }

  /** @throws ApiError BadRequest when the client offers nothing that is spoken here */
  #websocket({ request, socket, head }: Switch, supported: readonly string[]): Promise<WebSocket> {
    if (request.headers.upgrade?.toLowerCase() !== 'websocket')
      throw badRequest('unable to upgrade: expected the protocol websocket or SPDY/3.1');
    const offered = offeredProtocols(request);
    const chosen = offered.find((name) => supported.includes(name));
    if (chosen === undefined)
      throw badRequest(`unable to upgrade: none of the subprotocols ${supported.join(', ')} was offered`);
    if (chosen === tunnelProtocol) request.headers['sec-websocket-protocol'] = tunnelAlias;
    chosenProtocol.set(request, chosen === tunnelProtocol ? tunnelAlias : chosen);
    return new Promise((resolve) => {
      this.#sockets.handleUpgrade(request, socket, head, (opened) => {
        opened.on('error', () => opened.terminate());
        resolve(opened);
      });
    });
  }

  async #inTime(work: Promise<void>): Promise<boolean> {
    return new Promise((resolve) => {
      const cancel = this.#parts.clock.setTimer(streamsWithinMs, () => resolve(false));
      void work.then(() => {
        cancel();
        resolve(true);
      });
    });
  }
}

/** The subprotocol that was chosen for a request, for the library to answer with. */
const chosenProtocol = new WeakMap<IncomingMessage, string>();

function offeredProtocols(request: IncomingMessage): string[] {
  return (request.headers['sec-websocket-protocol'] ?? '').split(',').map((item) => item.trim());
}

function isSpdy(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase().startsWith('spdy/') === true;
}

/** @throws ApiError BadRequest */
function spdyProtocol(request: IncomingMessage, supported: readonly string[]): string {
  const offered = [request.headers['x-stream-protocol-version'] ?? ''].flat().flatMap((text) => text.split(/,\s*/));
  const chosen = supported.find((name) => offered.includes(name));
  if (chosen === undefined)
    throw new ApiError('Forbidden', `unable to upgrade: none of the protocols ${supported.join(', ')} was offered`);
  return chosen;
}

/** Answers in HTTP that the connection will not be switched. */
function refuse(socket: Duplex, error: unknown): void {
  const status = failureOf(error);
  const body = JSON.stringify(status);
  socket.end(
    `HTTP/1.1 ${status.code ?? 500} ${status.reason ?? 'Error'}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
