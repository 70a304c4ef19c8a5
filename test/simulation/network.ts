// The network between devices and hub, as TCP makes it look: frames arrive in
// order or not at all. Links break, stall while a device is cut off, look open
// until a keepalive runs out, and a second connection of a node is admitted as
// the broker does it.
import { RefusedError } from '../../agent/sync/connector.ts';
import type { Link } from '../../api/wire/link.ts';
import { probeTimeoutMs } from '../../api/wire/topics.ts';
import { type Clock, sleep } from '../../platform/clock.ts';
import type { Random } from '../../platform/random.ts';
import type { SimulatedProcess } from './process.ts';

const keepaliveMs = 60_000;
const connectTimeoutMs = 20_000;

export type Cut = 'silent' | 'closed';
/** The hub that listens now. */
export type Listener = { process: SimulatedProcess; accept: (link: Link, nodeName: string) => void };
export type NetworkParts = { clock: Clock; random: Random };

type Packet = { dueMs: number; content: Uint8Array | { close: string } };

/** One end of a wire, in the hands of one process. */
class LinkEnd implements Link {
  readonly process: SimulatedProcess;
  #wire: Wire;
  #closed = new AbortController();
  #listener: ((frame: Uint8Array) => void) | undefined;
  #early: Uint8Array[] = [];
  /** What is on its way to this end. */
  #incoming: Packet[] = [];
  #lastDueMs = 0;
  other: LinkEnd | undefined;

  constructor(wire: Wire, process: SimulatedProcess) {
    this.#wire = wire;
    this.process = process;
  }

  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  get isOpen(): boolean {
    return !this.#closed.signal.aborted;
  }

  send(frame: Uint8Array): void {
    if (this.isOpen && this.process.alive) this.other?.arrive(Uint8Array.from(frame));
  }

  onFrame(listener: (frame: Uint8Array) => void): void {
    this.#listener = listener;
    for (const frame of this.#early.splice(0)) listener(frame);
  }

  close(reason: string): void {
    if (!this.isOpen || !this.process.alive) return;
    this.other?.arrive({ close: 'the other side closed the connection' });
    this.end(reason);
  }

  /** The connection is over for this end. */
  end(reason: string): void {
    this.#incoming = [];
    if (this.isOpen) this.#closed.abort(reason);
  }

  arrive(content: Packet['content']): void {
    const { clock, latencyMs } = this.#wire;
    this.#lastDueMs = Math.max(this.#lastDueMs, clock.monotonicMs() + latencyMs());
    this.#incoming.push({ dueMs: this.#lastDueMs, content });
    clock.setTimer(this.#lastDueMs - clock.monotonicMs(), () => this.pump());
  }

  /** Hands over what has arrived, unless the wire is cut. */
  pump(): void {
    const { clock } = this.#wire;
    for (let next = this.#incoming[0]; next !== undefined; next = this.#incoming[0]) {
      if (next.dueMs > clock.monotonicMs() || this.#wire.cut() || !this.process.alive) return;
      this.#incoming.shift();
      if (!(next.content instanceof Uint8Array)) this.end(next.content.close);
      else if (!this.isOpen) return;
      else if (this.#listener === undefined) this.#early.push(next.content);
      else this.#listener(next.content);
    }
  }
}

type Wire = { clock: Clock; latencyMs: () => number; cut: () => boolean };
type Connection = { nodeName: string; agent: LinkEnd; hub: LinkEnd };

export class SimulatedNetwork {
  #parts: NetworkParts;
  #listener: Listener | undefined;
  #cuts = new Map<string, Cut>();
  #connections = new Set<Connection>();
  /** Links that came up. */
  readonly connects: { nodeName: string; atMs: number }[] = [];

  constructor(parts: NetworkParts) {
    this.#parts = parts;
  }

  listen(listener: Listener): void {
    this.#listener = listener;
  }

  /** The hub's machine has lost the process, or all power: then nobody tells the devices. */
  hubGone(isSilent: boolean): void {
    this.#listener = undefined;
    for (const connection of this.#open()) this.#abandon(connection.hub, connection.agent, isSilent);
  }

  agentGone(nodeName: string, isSilent: boolean): void {
    for (const connection of this.#open(nodeName)) this.#abandon(connection.agent, connection.hub, isSilent);
  }

  /** Cuts a device off: `silent` stalls what is open until a keepalive runs out. */
  cut(nodeName: string, style: Cut): void {
    this.#cuts.set(nodeName, style);
    if (style === 'closed') this.reset(nodeName);
    for (const { agent, hub } of this.#open(nodeName)) {
      this.#expire(agent, () => this.#cuts.has(nodeName));
      this.#expire(hub, () => this.#cuts.has(nodeName));
    }
  }

  isCut(nodeName: string): boolean {
    return this.#cuts.has(nodeName);
  }

  heal(nodeName: string): void {
    this.#cuts.delete(nodeName);
    for (const { agent, hub } of this.#connections) {
      this.#parts.clock.setTimer(this.#latencyMs(), () => agent.pump());
      this.#parts.clock.setTimer(this.#latencyMs(), () => hub.pump());
    }
  }

  /** Breaks what is open: frames on their way are lost. */
  reset(nodeName: string): void {
    for (const { agent, hub } of this.#open(nodeName)) {
      agent.end('connection reset');
      this.#parts.clock.setTimer(this.#latencyMs(), () => hub.end('connection reset'));
    }
  }

  async connect(nodeName: string, process: SimulatedProcess): Promise<Link> {
    await sleep(process.clock, this.#latencyMs());
    const cut = this.#cuts.get(nodeName);
    if (cut === 'closed') throw new Error('connect ENETUNREACH');
    if (cut === 'silent') return this.#timeOut(process);
    if (this.#listener === undefined) throw new Error('connect ECONNREFUSED');
    for (const old of this.#open(nodeName)) {
      if (!old.hub.isOpen) continue;
      if (old.agent.isOpen && old.agent.process.alive) throw new RefusedError('another agent is connected');
      await sleep(process.clock, probeTimeoutMs);
      old.hub.end('replaced by a new connection of the same node');
    }
    const listener = this.#listener;
    if (listener === undefined || this.#cuts.has(nodeName)) return this.#timeOut(process);
    const wire: Wire = {
      clock: this.#parts.clock,
      latencyMs: () => this.#latencyMs(),
      cut: () => this.#cuts.has(nodeName),
    };
    const connection = { nodeName, agent: new LinkEnd(wire, process), hub: new LinkEnd(wire, listener.process) };
    connection.agent.other = connection.hub;
    connection.hub.other = connection.agent;
    this.#connections.add(connection);
    this.connects.push({ nodeName, atMs: this.#parts.clock.monotonicMs() });
    listener.accept(connection.hub, nodeName);
    await sleep(process.clock, this.#latencyMs());
    // A cut meanwhile: the hub believes in a connection that the agent never had.
    if (!this.#cuts.has(nodeName)) return connection.agent;
    connection.agent.end('connect timed out');
    return this.#timeOut(process);
  }

  async #timeOut(process: SimulatedProcess): Promise<never> {
    await sleep(process.clock, connectTimeoutMs);
    throw new Error('connect ETIMEDOUT');
  }

  /** Connections that are open at one end at least. */
  #open(nodeName?: string): Connection[] {
    for (const connection of this.#connections)
      if (!connection.agent.isOpen && !connection.hub.isOpen) this.#connections.delete(connection);
    return [...this.#connections].filter((item) => nodeName === undefined || item.nodeName === nodeName);
  }

  /** One end's process is dead. */
  #abandon(dead: LinkEnd, other: LinkEnd, isSilent: boolean): void {
    dead.end('its process is dead');
    if (isSilent) this.#expire(other, () => true);
    else other.arrive({ close: 'connection reset' });
  }

  #expire(end: LinkEnd, isStill: () => boolean): void {
    const delayMs = keepaliveMs * (1 + this.#parts.random.fraction() / 2);
    this.#parts.clock.setTimer(delayMs, () => {
      if (end.isOpen && isStill()) end.close('keepalive timeout');
    });
  }

  #latencyMs(): number {
    return 2 + this.#parts.random.fraction() * 80;
  }
}
