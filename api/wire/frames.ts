// What hub and agent say to each other. Sync is level-triggered: the hub sends
// the state that a node should know, the agent the state it is in; both are
// acknowledged by what they carry, never by MQTT.

import type { JsonObject, KubeObject } from '../meta/object.ts';
import type { PodStatus } from './pod-status.ts';

/** Version of the frames. Both sides speak this one and the one before. */
export const wireVersion = 2;
/** The first version that knows `open` and the frames that belong to it. */
export const streamsVersion = 2;

/** Key of an object in a slice: `pods/NAMESPACE/NAME`, `configmaps/...`, `secrets/...`, `nodes/NAME`. */
export type SliceKey = string;
/** Keys and content hashes of a slice. */
export type Manifest = Record<SliceKey, string>;

/** First frame of an agent on every connection: what it holds already. */
export type Hello = { type: 'hello'; version: number; agentVersion: string; bootId: string; digest: string };
/** After a `manifest`: what the agent lacks of it. */
export type Want = { type: 'want'; keys: SliceKey[] };
/** The agent holds the slice of this digest on its disk. */
export type Synced = { type: 'synced'; digest: string };

export type ReportItem =
  | { kind: 'node'; labels: Record<string, string>; status: JsonObject }
  | { kind: 'pod'; namespace: string; name: string; uid: string; status: PodStatus }
  /** Nothing of the pod runs any more: the hub may forget it. */
  | { kind: 'gone'; namespace: string; name: string; uid: string }
  | {
      kind: 'event';
      namespace: string;
      name: string;
      uid: string;
      objectKind: string;
      type: 'Normal' | 'Warning';
      reason: string;
      message: string;
    };
/** The newest state of what changed; `seq` grows by one a report of a process. */
export type Report = { type: 'report'; seq: number; items: ReportItem[] };

/** Channels of a stream into a container, numbered as Kubernetes' WebSocket protocols do; a connection to a port uses the first two. */
export const channels = { input: 0, output: 1, error: 2, resize: 4 } as const;

/** What the hub opens a stream to. */
export type StreamTarget =
  | ({ kind: 'exec'; command: string[] } & ContainerStream)
  | ({ kind: 'attach' } & ContainerStream)
  /** A TCP port in the pod's network namespace. */
  | { kind: 'port'; podUid: string; port: number }
  /**
   * What the node and its containers use, as JSON on the output channel. With `device` what the device tells of
   * itself instead, `{"metrics": TEXT}` in Prometheus' format; older agents do not know it and tell the usage.
   */
  | { kind: 'stats'; device?: true };
export type ContainerStream = {
  podUid: string;
  container: string;
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
};
export type OpenStream = { type: 'open'; id: number; target: StreamTarget; credit: number };
/** The other end of the stream is there; `credit` is what the hub may send. */
export type StreamOpened = { type: 'opened'; id: number; credit: number };
/** Nothing more comes on a channel from the hub, such as the end of a command's input. */
export type CloseChannel = { type: 'close'; id: number; channel: number };

/** Bytes of a stream, either way; a log has only one channel. */
export type StreamData = { type: 'data'; id: number; bytes: Uint8Array; channel?: number };
/** The stream is over; `error` when not in the ordinary way. */
export type StreamEnd = {
  type: 'end';
  id: number;
  /** Of the command that ran. */
  exitCode?: number;
  error?: { reason: 'NotFound' | 'BadRequest' | 'ServiceUnavailable' | 'InternalError'; message: string };
};

export type Welcome = { type: 'welcome'; version: number; hubVersion: string; timeMs: number };
/** What changed in the slice. `digest` is of the slice after all parts; `more` says that another part follows. */
export type SyncFrame = {
  type: 'sync';
  upserts: [SliceKey, KubeObject][];
  deletes: SliceKey[];
  digest: string;
  more: boolean;
};
/** The whole slice by hashes, when the hub does not know what the agent has. */
export type ManifestFrame = { type: 'manifest'; manifest: Manifest; digest: string };
/** The report is durable, but for the items named in `failed`, which are to be sent again. */
export type Ack = { type: 'ack'; seq: number; failed: number[]; reason?: string };
/** Which log of a container, and how much of it. */
export type LogTarget = {
  podUid: string;
  container: string;
  follow: boolean;
  previous: boolean;
  timestamps: boolean;
  tailLines?: number;
  sinceMs?: number;
};
/** `credit`: bytes that may be sent before more comes. */
export type OpenLogs = { type: 'open-logs'; id: number; credit: number } & LogTarget;
/** The reader took this many bytes. */
export type Credit = { type: 'credit'; id: number; bytes: number };
export type Cancel = { type: 'cancel'; id: number };

/** A device without a certificate asks for one. */
export type JoinRequest = {
  type: 'join';
  nodeName: string;
  requestPem: string;
  /** Which board this is, as it says itself; of devices only. */
  hardwareId?: string;
};
export type JoinAnswer =
  | { type: 'joined'; certificate: string; authority: string }
  /** A person has to approve the request of this name; another answer follows. */
  | { type: 'pending'; request: string }
  /** `name-taken`: another device has this node name; a device that may choose takes another. */
  | { type: 'refused'; message: string; reason?: 'name-taken' };

/** Frames of streams, by who sends them. */
export type StreamUpFrame = StreamOpened | StreamData | StreamEnd | Credit;
export type StreamDownFrame = OpenLogs | OpenStream | StreamData | CloseChannel | Credit | Cancel;

export type UpFrame = Hello | Want | Synced | Report | StreamUpFrame | JoinRequest;
export type DownFrame = Welcome | SyncFrame | ManifestFrame | Ack | StreamDownFrame | JoinAnswer;
