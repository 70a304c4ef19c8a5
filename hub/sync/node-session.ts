// One connected node: brings its slice up to date, and keeps it so while the
// link holds. Knows frames and links, nothing of MQTT.
import { decodeFrame, encodeFrame, FrameError } from '../../api/wire/codec.ts';
import type { DownFrame, Hello, Manifest, Report, StreamUpFrame, SyncFrame, UpFrame } from '../../api/wire/frames.ts';
import { wireVersion } from '../../api/wire/frames.ts';
import { syncChunkCharacters } from '../../api/wire/limits.ts';
import type { Link } from '../../api/wire/link.ts';
import { differenceOf, digestOf, hashObject } from '../../api/wire/slice.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { NodeReports } from './reports.ts';
import type { Slice } from './slice-index.ts';

/** Changes of the slice within this time go out together. */
const settleMs = 20;

export type NodeSessionParts = {
  link: Link;
  clock: Clock;
  log: Log;
  reports: NodeReports;
  hubVersion: string;
  slice: () => Slice;
  /** Slices that this hub knows the node to have held, by digest: what a difference can be made from. */
  knownSlices: Map<string, Manifest>;
  /** Frames of streams go to the tunnel. */
  onStream: (frame: StreamUpFrame) => void;
  /** The node has said who it is and what it holds. */
  onReady: () => void;
};

/** Slices remembered a node: an agent is hardly ever further behind. */
const maxKnownSlices = 4;

export class NodeSession {
  readonly nodeName: string;
  /** Version of the protocol that the agent speaks; 0 before its hello. */
  wireVersion = 0;
  #parts: NodeSessionParts;
  /** What the agent will hold once it has taken all frames sent; undefined before its hello. */
  #sent: Manifest | undefined;
  #awaitsWant: Slice | undefined;
  #refreshScheduled = false;
  #work: Promise<void> = Promise.resolve();

  constructor(options: { nodeName: string }, parts: NodeSessionParts) {
    this.nodeName = options.nodeName;
    this.#parts = parts;
    parts.link.onFrame((bytes) => {
      // One frame after the other: reports keep their order.
      this.#work = this.#work.then(() => this.#receive(bytes));
    });
  }

  send(frame: DownFrame): void {
    this.#parts.link.send(encodeFrame(frame));
  }

  /** The node's slice may have changed. */
  refresh(): void {
    if (this.#refreshScheduled || this.#sent === undefined) return;
    this.#refreshScheduled = true;
    this.#parts.clock.setTimer(settleMs, () => {
      this.#refreshScheduled = false;
      if (!this.#parts.link.closed.aborted) this.#sendDifference();
    });
  }

  async #receive(bytes: Uint8Array): Promise<void> {
    const { link, log } = this.#parts;
    if (link.closed.aborted) return;
    try {
      const frame = decodeFrame<UpFrame>(bytes);
      await this.#handle(frame);
    } catch (error) {
      log.warn({ err: error, node: this.nodeName }, 'a frame could not be taken');
      link.close(error instanceof FrameError ? error.message : 'the hub could not take a frame');
    }
  }

  async #handle(frame: UpFrame): Promise<void> {
    switch (frame.type) {
      case 'hello':
        this.#greet(frame);
        return;
      case 'want':
        this.#answerWant(frame.keys);
        return;
      case 'synced':
        return;
      case 'report':
        await this.#applyReport(frame);
        return;
      case 'opened':
      case 'data':
      case 'end':
      case 'credit':
        this.#parts.onStream(frame);
        return;
      default:
        throw new FrameError(`unexpected frame ${frame.type} from a node`);
    }
  }

  #greet(hello: Hello): void {
    const { clock, hubVersion, knownSlices, slice, onReady } = this.#parts;
    if (Math.abs(hello.version - wireVersion) > 1) {
      throw new FrameError(
        `the agent speaks version ${hello.version} of the protocol, this hub ${wireVersion}: update the older one`,
      );
    }
    this.wireVersion = hello.version;
    this.send({ type: 'welcome', version: wireVersion, hubVersion, timeMs: clock.nowMs() });
    onReady();
    const known = knownSlices.get(hello.digest) ?? (hello.digest === digestOf({}) ? {} : undefined);
    const current = slice();
    const manifest = manifestOf(current);
    if (digestOf(manifest) === hello.digest) {
      this.#remember(manifest);
    } else if (known !== undefined) {
      this.#sent = known;
      this.#sendDifference();
    } else {
      this.#awaitsWant = current;
      this.send({ type: 'manifest', manifest, digest: digestOf(manifest) });
    }
  }

  #answerWant(keys: string[]): void {
    const slice = this.#awaitsWant;
    if (slice === undefined) return;
    this.#awaitsWant = undefined;
    const manifest = manifestOf(slice);
    this.#sendParts(
      slice,
      keys.filter((key) => slice.has(key)),
      [],
      digestOf(manifest),
    );
    this.#remember(manifest);
    // What changed while the agent was asking.
    this.#sendDifference();
  }

  #sendDifference(): void {
    if (this.#sent === undefined) return;
    const slice = this.#parts.slice();
    const manifest = manifestOf(slice);
    const { upserts, deletes } = differenceOf(this.#sent, manifest);
    if (upserts.length + deletes.length > 0) this.#sendParts(slice, upserts, deletes, digestOf(manifest));
    this.#remember(manifest);
  }

  #sendParts(slice: Slice, upserts: string[], deletes: string[], digest: string): void {
    let part: SyncFrame = { type: 'sync', upserts: [], deletes, digest, more: false };
    let characters = 0;
    for (const key of upserts) {
      const object = slice.get(key);
      if (object === undefined) continue;
      if (characters > syncChunkCharacters) {
        this.send({ ...part, more: true });
        part = { type: 'sync', upserts: [], deletes: [], digest, more: false };
        characters = 0;
      }
      part.upserts.push([key, object]);
      characters += JSON.stringify(object).length;
    }
    this.send(part);
  }

  #remember(manifest: Manifest): void {
    this.#sent = manifest;
    const { knownSlices } = this.#parts;
    const digest = digestOf(manifest);
    knownSlices.delete(digest);
    knownSlices.set(digest, manifest);
    for (const oldest of knownSlices.keys()) {
      if (knownSlices.size <= maxKnownSlices) break;
      knownSlices.delete(oldest);
    }
  }

  async #applyReport({ seq, items }: Report): Promise<void> {
    const failed: number[] = [];
    let reason: string | undefined;
    for (const [index, item] of items.entries()) {
      try {
        await this.#parts.reports.apply(item);
      } catch (error) {
        failed.push(index);
        reason = (error as Error).message;
        this.#parts.log.warn(
          { err: error, node: this.nodeName, kind: item.kind },
          'a report could not be applied and will be sent again',
        );
      }
    }
    this.send({ type: 'ack', seq, failed, ...(reason === undefined ? {} : { reason }) });
  }
}

function manifestOf(slice: Slice): Manifest {
  const manifest: Manifest = {};
  for (const [key, object] of slice) manifest[key] = hashOf(object);
  return manifest;
}

const hashes = new WeakMap<object, string>();

function hashOf(object: Parameters<typeof hashObject>[0]): string {
  let hash = hashes.get(object);
  if (hash === undefined) {
    hash = hashObject(object);
    hashes.set(object, hash);
  }
  return hash;
}
