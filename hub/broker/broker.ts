// The MQTT broker (aedes): one TLS connection a node, each turned into a Link.
// It routes nothing between clients and queues nothing: what a node should know
// is in the store. It knows who speaks, and nothing of what is said.
import { createHash } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { Aedes, type AuthenticateError, type Client } from 'aedes';
import type { Link, LinkPeer, NodePeer } from '../../api/wire/link.ts';
import { aliveTopic, downTopic, probeTimeoutMs, probeTopic, upTopic } from '../../api/wire/topics.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import { listenTls, type TlsListenOptions } from '../../platform/net.ts';
import { connectTimeoutMs, drainTimeoutMs, maxClientIdLength, maxKeepaliveSeconds, sendWindowBytes } from './limits.ts';

/** What a connection shows of itself. */
export type Credentials = {
  /** Subject of a verified client certificate, and the SHA-256 (hex) of its public key (SubjectPublicKeyInfo, DER). */
  certificate: { commonName: string; organizations: string[]; key: string } | undefined;
  userName: string | undefined;
  password: string | undefined;
};

export type BrokerParts = {
  clock: Clock;
  log: Log;
  /** Who this is, or undefined when it may not connect. */
  authenticate: (credentials: Credentials) => Promise<LinkPeer | undefined>;
  onLink: (link: Link, peer: LinkPeer) => void;
  /** A second connection with the identity of a node that is connected was refused. */
  onSecond: (peer: NodePeer, connected: NodePeer) => void;
};

/** CONNACK return codes, MQTT 3.1.1 section 3.2.2.3. */
const identifierRejected = 2;
const notAuthorized = 5;

class BrokerLink implements Link {
  readonly name: string;
  #client: Client;
  #closed = new AbortController();
  #listener: ((frame: Uint8Array) => void) | undefined;
  #waitingBytes = 0;
  #early: Uint8Array[] = [];
  onAlive: (() => void) | undefined;

  constructor(name: string, client: Client) {
    this.name = name;
    this.#client = client;
  }

  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  send(frame: Uint8Array): void {
    if (this.#closed.signal.aborted) return;
    this.#waitingBytes += frame.length;
    if (this.#waitingBytes > sendWindowBytes) {
      this.close('the node does not read');
      return;
    }
    this.#publish(downTopic(this.name), frame, () => {
      this.#waitingBytes -= frame.length;
    });
  }

  onFrame(listener: (frame: Uint8Array) => void): void {
    this.#listener = listener;
    for (const frame of this.#early.splice(0)) listener(frame);
  }

  receive(frame: Uint8Array): void {
    if (this.#closed.signal.aborted) return;
    if (this.#listener === undefined) this.#early.push(frame);
    else this.#listener(frame);
  }

  probe(): void {
    this.#publish(probeTopic(this.name), Buffer.from('?'), () => undefined);
  }

  close(reason: string): void {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort(reason);
    this.#client.close();
  }

  /** The connection ended by itself. */
  ended(): void {
    if (!this.#closed.signal.aborted) this.#closed.abort('the connection ended');
  }

  #publish(topic: string, payload: Uint8Array, done: () => void): void {
    // Straight to this client: a slow reader holds up nobody else.
    this.#client.publish(
      { cmd: 'publish', topic, payload: Buffer.from(payload), qos: 0, retain: false, dup: false },
      done,
    );
  }
}

export class BrokerServer {
  #parts: BrokerParts;
  #aedes: Aedes;
  #links = new Map<Client, { link: BrokerLink; peer: LinkPeer }>();
  #byNode = new Map<string, { link: BrokerLink; peer: NodePeer }>();

  private constructor(parts: BrokerParts, aedes: Aedes) {
    this.#parts = parts;
    this.#aedes = aedes;
  }

  static async create(parts: BrokerParts): Promise<BrokerServer> {
    const aedes = await Aedes.createBroker({
      connectTimeout: connectTimeoutMs,
      drainTimeout: drainTimeoutMs,
      keepaliveLimit: maxKeepaliveSeconds,
      maxClientsIdLength: maxClientIdLength,
      heartbeatInterval: 600_000,
    });
    const broker = new BrokerServer(parts, aedes);
    broker.#wire();
    return broker;
  }

  /** Accepts connections until the signal aborts; resolves with the port. */
  start(options: TlsListenOptions, signal: AbortSignal): Promise<number> {
    signal.addEventListener('abort', () => this.#aedes.close());
    return listenTls(options, signal, (socket) => {
      socket.setNoDelay(true);
      this.#aedes.handle(socket);
    });
  }

  #wire(): void {
    const aedes = this.#aedes;
    aedes.authenticate = (client, userName, password, done) => {
      const refuse = (returnCode: number, message: string): void =>
        done(Object.assign(new Error(message), { returnCode }) as AuthenticateError, null);
      this.#admit(client, userName, password).then(
        (refusal) => (refusal === undefined ? done(null, true) : refuse(refusal.code, refusal.message)),
        (error: unknown) => {
          this.#parts.log.error({ err: error }, 'a connection could not be authenticated');
          refuse(3, 'the hub is not ready');
        },
      );
    };
    aedes.authorizeSubscribe = (client, subscription, done) => {
      const link = this.#links.get(client)?.link;
      const allowed = link !== undefined && [downTopic(link.name), probeTopic(link.name)].includes(subscription.topic);
      done(null, allowed ? subscription : null);
    };
    aedes.authorizePublish = (client, packet, done) => {
      const link = client === null ? undefined : this.#links.get(client)?.link;
      if (link !== undefined && packet.topic === upTopic(link.name)) link.receive(packet.payload as Buffer);
      else if (link !== undefined && packet.topic === aliveTopic(link.name)) link.onAlive?.();
      else {
        done(new Error(`publishing to ${packet.topic} is not allowed`));
        return;
      }
      done(null);
    };
    const onError = (client: Client, error: Error): void =>
      this.#parts.log.debug({ err: error, client: client?.id }, 'a connection broke');
    aedes.on('clientError', onError);
    aedes.on('connectionError', onError);
  }

  async #admit(
    client: Client,
    userName: string | undefined,
    password: Buffer | undefined,
  ): Promise<{ code: number; message: string } | undefined> {
    const peer = await this.#parts.authenticate({
      certificate: certificateOf(client.conn as TLSSocket),
      userName,
      password: password?.toString(),
    });
    if (peer === undefined) return { code: notAuthorized, message: 'not authorized' };
    if (peer.kind === 'node') {
      const other = this.#byNode.get(peer.nodeName);
      // A connection that the network cut silently looks open for a while: ask it.
      if (other !== undefined && (await this.#answersProbe(other.link))) {
        this.#parts.log.warn(
          { node: peer.nodeName },
          'a second agent with the identity of a connected node was refused',
        );
        this.#parts.onSecond(peer, other.peer);
        return { code: identifierRejected, message: 'another agent with this identity is connected' };
      }
      other?.link.close('replaced by a new connection of the same node');
    }
    // Now, not when aedes calls the client ready: its first packets may come before that.
    this.#open(client, peer);
    return undefined;
  }

  #answersProbe(link: BrokerLink): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (alive: boolean): void => {
        cancel();
        link.closed.removeEventListener('abort', gone);
        link.onAlive = undefined;
        resolve(alive);
      };
      const gone = (): void => finish(false);
      const cancel = this.#parts.clock.setTimer(probeTimeoutMs, gone);
      link.closed.addEventListener('abort', gone, { once: true });
      if (link.closed.aborted) {
        gone();
        return;
      }
      link.onAlive = () => finish(true);
      link.probe();
    });
  }

  #open(client: Client, peer: LinkPeer): void {
    const name = peer.kind === 'node' ? peer.nodeName : `join-${client.id}`;
    const link = new BrokerLink(name, client);
    this.#links.set(client, { link, peer });
    if (peer.kind === 'node') {
      this.#byNode.get(peer.nodeName)?.link.close('replaced by a new connection of the same node');
      this.#byNode.set(peer.nodeName, { link, peer });
    }
    client.conn.once('close', () => this.#close(client));
    if (client.conn.destroyed) this.#close(client);
    else this.#parts.onLink(link, peer);
  }

  #close(client: Client): void {
    const found = this.#links.get(client);
    if (found === undefined) return;
    this.#links.delete(client);
    if (this.#byNode.get(found.link.name)?.link === found.link) this.#byNode.delete(found.link.name);
    found.link.ended();
  }
}

function certificateOf(socket: TLSSocket): Credentials['certificate'] {
  if (!socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate();
  const der = socket.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' });
  if (subject?.CN === undefined || der === undefined) return undefined;
  return {
    commonName: [subject.CN].flat()[0] ?? '',
    organizations: subject.O === undefined ? [] : [subject.O].flat(),
    key: createHash('sha256').update(der).digest('hex'),
  };
}
