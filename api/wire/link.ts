// The port between the protocol and what carries it: one connection of one
// node. The broker and the MQTT client implement it, and in simulation the
// simulated network.

export type Link = {
  /** Sends one frame. Frames arrive in order or not at all; a link that is closed drops them. */
  send(frame: Uint8Array): void;
  /** Called with each frame that arrives; set before the first can. */
  onFrame(listener: (frame: Uint8Array) => void): void;
  /** Aborted when the link is closed, by either side or by the network. */
  readonly closed: AbortSignal;
  close(reason: string): void;
};

export type NodePeer = {
  kind: 'node';
  nodeName: string;
  /** SHA-256 (hex) of the public key of the node's certificate: SubjectPublicKeyInfo, DER. */
  key?: string;
  /** The board, as a device says itself. */
  hardwareId?: string;
};

/** Who is at the other end, seen from the hub. */
export type LinkPeer =
  | NodePeer
  | { kind: 'join'; tokenId: string; nodeName: string | undefined; groups: readonly string[] };
