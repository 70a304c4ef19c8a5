// The way from the devices of a rig to their hub: a process of its own that listens
// on a port a device and forwards to the hub, as fast as the device's description
// says. Whoever changes a description tells it on a socket, and is answered when
// the change is in force.
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { Transform, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type LinkState, listDevices, type RigDevice, rigPaths } from './device.ts';
import { maximumInFlightBytes, maximumPieceBytes } from './limits.ts';
import { passage } from './shaping.ts';

/** One direction of a connection. */
class Slow extends Transform {
  readonly #link: () => LinkState;
  #busyUntilMs = 0;
  #arrivesMs = 0;
  #inFlightBytes = 0;
  #roomWanted: (() => void) | undefined;

  constructor(link: () => LinkState) {
    super();
    this.#link = link;
  }

  override async _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): Promise<void> {
    for (let at = 0; at < chunk.length; at += maximumPieceBytes)
      await this.#send(chunk.subarray(at, at + maximumPieceBytes));
    done();
  }

  override _flush(done: TransformCallback): void {
    setTimeout(done, Math.max(0, this.#arrivesMs - performance.now()));
  }

  /** Resolves when the piece has been sent, which is before it arrives. */
  async #send(piece: Buffer): Promise<void> {
    const nowMs = performance.now();
    const { sentMs, arrivesMs } = passage(nowMs, this.#busyUntilMs, piece.length, this.#link());
    this.#busyUntilMs = sentMs;
    // Bytes stay in order when a delay is shortened.
    this.#arrivesMs = Math.max(this.#arrivesMs, arrivesMs);
    if (this.#arrivesMs <= nowMs) {
      this.push(piece);
      return;
    }
    this.#inFlightBytes += piece.length;
    setTimeout(() => this.#arrive(piece), this.#arrivesMs - nowMs);
    if (sentMs > nowMs) await new Promise((resolve) => setTimeout(resolve, sentMs - nowMs));
    if (this.#inFlightBytes < maximumInFlightBytes) return;
    await new Promise<void>((resolve) => {
      this.#roomWanted = resolve;
    });
  }

  #arrive(piece: Buffer): void {
    if (!this.destroyed) this.push(piece);
    this.#inFlightBytes -= piece.length;
    if (this.#inFlightBytes >= maximumInFlightBytes) return;
    this.#roomWanted?.();
    this.#roomWanted = undefined;
  }
}

type Door = { device: RigDevice; server: Server; sockets: Set<Socket> };

/** Ports of the devices; `update` makes them what the descriptions say. */
class Doors {
  #doors = new Map<string, Door>();

  async update(devices: readonly RigDevice[]): Promise<void> {
    for (const [name, { server, sockets }] of this.#doors)
      if (!devices.some((device) => device.name === name)) {
        server.close();
        for (const socket of sockets) socket.destroy();
        this.#doors.delete(name);
      }
    for (const device of devices) {
      const door = this.#doors.get(device.name);
      if (door === undefined) this.#doors.set(device.name, await this.#open(device));
      else door.device = device;
    }
  }

  async #open(device: RigDevice): Promise<Door> {
    const sockets = new Set<Socket>();
    const door: Door = {
      device,
      server: createServer({ allowHalfOpen: true }, (socket) => forward(socket, door)),
      sockets,
    };
    door.server.listen(device.linkPort, '127.0.0.1');
    await once(door.server, 'listening').catch((error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'is in use by another program' : error.message;
      throw new Error(`port ${device.linkPort} of ${device.name}'s link ${why}`);
    });
    return door;
  }
}

/** Joins a device's connection to one to the hub; either end takes the other with it. */
function forward(client: Socket, door: Door): void {
  const hub = createConnection({ ...door.device.hub, allowHalfOpen: true });
  for (const socket of [client, hub]) {
    socket.setNoDelay(true);
    door.sockets.add(socket);
    socket.once('close', () => door.sockets.delete(socket));
  }
  const link = (): LinkState => door.device.link;
  const end = (): void => {
    client.destroy();
    hub.destroy();
  };
  pipeline(client, new Slow(link), hub).catch(end);
  pipeline(hub, new Slow(link), client).catch(end);
}

/** Serves the devices of a rig until this process is killed. @throws Error when the control socket can't be had */
export async function serveLinks(rigDirectory: string, pidFile: string): Promise<never> {
  const { linkSocket } = rigPaths(rigDirectory);
  const doors = new Doors();
  // One change after the other.
  let last: Promise<unknown> = Promise.resolve();
  const control = createServer((socket) => {
    const update = last.then(() => doors.update(listDevices(rigDirectory)));
    last = update.catch(() => undefined);
    socket.on('error', () => undefined);
    update.then(
      () => socket.end('ok\n'),
      (error: Error) => socket.end(`${error.message}\n`),
    );
  });
  rmSync(linkSocket, { force: true });
  writeFileSync(pidFile, String(process.pid));
  control.listen(linkSocket);
  await once(control, 'listening');
  return new Promise<never>(() => undefined);
}
