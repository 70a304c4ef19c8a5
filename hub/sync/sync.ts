// The hub's side of sync: a session for each connected node, woken by changes
// of its slice, and the liveness that follows from its link.
import { type DownFrame, type Manifest, type StreamUpFrame, streamsVersion } from '../../api/wire/frames.ts';
import type { Link, LinkPeer, NodePeer } from '../../api/wire/link.ts';
import { Duplicates } from './duplicates.ts';
import { JoinDesk, type JoinParts } from './join.ts';
import { Liveness, type LivenessOptions } from './liveness.ts';
import { NodeSession } from './node-session.ts';
import { NodeReports } from './reports.ts';
import { SliceIndex } from './slice-index.ts';

export type SyncOptions = LivenessOptions & { hubVersion: string };
export type SyncParts = JoinParts & {
  /** Frames of streams from a node. */
  onStream: (nodeName: string, frame: StreamUpFrame) => void;
  /** The link of a node is gone, and all its streams with it. */
  onNodeGone: (nodeName: string) => void;
};

export class Sync {
  #options: SyncOptions;
  #parts: SyncParts;
  #index: SliceIndex;
  #liveness: Liveness;
  #joins: JoinDesk;
  #duplicates: Duplicates;
  #sessions = new Map<string, NodeSession>();
  #knownSlices = new Map<string, Map<string, Manifest>>();

  constructor(options: SyncOptions, parts: SyncParts) {
    this.#options = options;
    this.#parts = parts;
    this.#index = new SliceIndex(parts.informers);
    this.#liveness = new Liveness(options, parts);
    this.#joins = new JoinDesk(parts);
    this.#duplicates = new Duplicates(parts);
  }

  start(signal: AbortSignal): void {
    this.#index.start((nodeName) => this.#sessions.get(nodeName)?.refresh());
    this.#liveness.start(signal);
    this.#joins.start();
    this.#duplicates.start(signal);
  }

  /** Takes over a link that the broker has authenticated. */
  accept(link: Link, peer: LinkPeer): void {
    if (peer.kind === 'join') this.#joins.serve(link, peer);
    else this.#acceptNode(link, peer);
  }

  /** A second connection with the identity of a connected node was refused. */
  refused({ nodeName, hardwareId }: NodePeer, connected: NodePeer): void {
    this.#duplicates.refused({ nodeName, connected: connected.hardwareId, refused: hardwareId });
  }

  /** Whether the node has a link now. */
  isConnected(nodeName: string): boolean {
    return this.#sessions.has(nodeName);
  }

  /** Whether the agent of a connected node knows streams other than logs. */
  knowsStreams(nodeName: string): boolean {
    return (this.#sessions.get(nodeName)?.wireVersion ?? 0) >= streamsVersion;
  }

  /** Sends a frame to a node; false when it is not connected. */
  sendTo(nodeName: string, frame: DownFrame): boolean {
    const session = this.#sessions.get(nodeName);
    session?.send(frame);
    return session !== undefined;
  }

  #acceptNode(link: Link, peer: NodePeer): void {
    const { nodeName } = peer;
    const { client, clock, log, onStream, onNodeGone } = this.#parts;
    const knownSlices = this.#knownSlices.get(nodeName) ?? new Map<string, Manifest>();
    this.#knownSlices.set(nodeName, knownSlices);
    const session = new NodeSession(
      { nodeName },
      {
        link,
        clock,
        log,
        reports: new NodeReports(peer, { client, clock, log }),
        hubVersion: this.#options.hubVersion,
        slice: () => this.#index.sliceOf(nodeName),
        knownSlices,
        onStream: (frame) => onStream(nodeName, frame),
        onReady: () => log.info({ node: nodeName }, 'the node is connected'),
      },
    );
    this.#sessions.set(nodeName, session);
    this.#liveness.connected(nodeName);
    this.#duplicates.connected(nodeName);
    link.closed.addEventListener('abort', () => {
      log.info({ node: nodeName, reason: String(link.closed.reason) }, 'the link of the node is gone');
      if (this.#sessions.get(nodeName) !== session) return;
      this.#sessions.delete(nodeName);
      this.#liveness.disconnected(nodeName);
      onNodeGone(nodeName);
    });
  }
}
