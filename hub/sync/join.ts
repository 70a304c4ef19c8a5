// Joining: a device that holds a token asks for a certificate for its node
// name, through a CertificateSigningRequest that is signed like any other, at
// once or when a person has approved it. What a device was given stands in its
// Node and in the token's Secret: it may ask again, with the same key, at any time.
import { createHash } from 'node:crypto';
import type { CertificateRequest } from '../../api/kinds/cluster.ts';
import {
  deviceKeyAnnotation,
  hardwareIdAnnotation,
  isHardwareId,
  manualApprovalGroup,
  ownerAnnotations,
} from '../../api/meta/device.ts';
import { dnsSubdomainError } from '../../api/meta/names.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { hasReason } from '../../api/meta/status.ts';
import { decodeFrame, encodeFrame, FrameError } from '../../api/wire/codec.ts';
import type { JoinAnswer, JoinRequest, UpFrame } from '../../api/wire/frames.ts';
import type { Link } from '../../api/wire/link.ts';
import { type Clock, sleep } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Client } from '../client/client.ts';
import type { Informers } from '../client/informer.ts';
import { resources } from '../client/resources.ts';
import { maxWaitingJoins, signedWithinMs } from './limits.ts';
import { countUse, type JoinGrant } from './tokens.ts';

export type JoinParts = {
  client: Client;
  informers: Informers;
  clock: Clock;
  log: Log;
  /** The CA's certificate, PEM. */
  authority: string;
  /** The public key (DER) with which a PKCS #10 request is signed; hub/pki implements it. Rejects when there is none. */
  publicKeyOf: (requestPem: string) => Promise<Uint8Array>;
};

type Joining = { frame: JoinRequest; grant: JoinGrant; key: string };

const signerName = 'kubernetes.io/kube-apiserver-client-kubelet';

/** Ends a join; the message goes to the device. */
class JoinRefusal extends Error {
  readonly reason: 'name-taken' | undefined;

  constructor(message: string, reason?: 'name-taken') {
    super(message);
    this.reason = reason;
  }
}

export class JoinDesk {
  #parts: JoinParts;
  /** Whom to tell of changes, by the name of the certificate request. */
  #waiting = new Map<string, Set<() => void>>();

  constructor(parts: JoinParts) {
    this.#parts = parts;
    parts.informers.for(resources.certificateSigningRequests);
  }

  start(): void {
    this.#parts.informers.for(resources.certificateSigningRequests).subscribe(({ key }) => {
      for (const wake of this.#waiting.get(key) ?? []) wake();
    });
  }

  /** Serves one joining connection: one request, one answer, and before it a word that it may take a while. */
  serve(link: Link, grant: JoinGrant): void {
    let asked = false;
    link.onFrame((bytes) => {
      if (asked) return;
      asked = true;
      void this.#answer(bytes, grant, link)
        .catch((error: unknown): JoinAnswer => {
          if (error instanceof JoinRefusal) {
            const { message, reason } = error;
            return { type: 'refused', message, ...(reason === undefined ? {} : { reason }) };
          }
          if (error instanceof FrameError) return { type: 'refused', message: error.message };
          this.#parts.log.error({ err: error }, 'a device could not join');
          return { type: 'refused', message: 'the hub failed, see its log' };
        })
        .then((frame) => link.send(encodeFrame(frame)));
    });
  }

  async #answer(bytes: Uint8Array, grant: JoinGrant, link: Link): Promise<JoinAnswer> {
    const joining = await this.#read(decodeFrame<UpFrame>(bytes), grant);
    const { frame, key } = joining;
    const isManual = grant.groups.includes(manualApprovalGroup);
    await this.#checkName(joining, isManual);
    const { hardwareId } = frame;
    const problem = await countUse(this.#parts.client, grant.tokenId, {
      key,
      ...(hardwareId === undefined ? {} : { hardwareId }),
    });
    if (problem !== undefined) throw new JoinRefusal(problem);
    // A name is given to one device, before anything is signed for it; what people have yet to decide holds no name.
    if (!isManual) await this.#giveName(joining, isManual);
    const certificate = await this.#certificate(joining, isManual, link);
    if (isManual) await this.#giveName(joining, isManual);
    return { type: 'joined', certificate, authority: this.#parts.authority };
  }

  /** @throws JoinRefusal naming what is wrong */
  async #read(frame: UpFrame, grant: JoinGrant): Promise<Joining> {
    if (frame.type !== 'join') throw new JoinRefusal(`expected a join request, found ${frame.type}`);
    const problem = typeof frame.nodeName === 'string' ? dnsSubdomainError(frame.nodeName) : 'must be a text';
    if (problem !== undefined) throw new JoinRefusal(`node name ${JSON.stringify(frame.nodeName)}: ${problem}`);
    if (frame.hardwareId !== undefined && (typeof frame.hardwareId !== 'string' || !isHardwareId(frame.hardwareId)))
      throw new JoinRefusal('hardware id: expected 1 to 128 letters, digits, _, - and .');
    if (grant.nodeName !== undefined && grant.nodeName !== frame.nodeName)
      throw new JoinRefusal(`the token is for node ${grant.nodeName}, not for ${frame.nodeName}`);
    try {
      const key = createHash('sha256')
        .update(await this.#parts.publicKeyOf(frame.requestPem))
        .digest('hex');
      return { frame, grant, key };
    } catch (error) {
      throw new JoinRefusal(`the certificate request can't be read: ${(error as Error).message}`);
    }
  }

  /** @throws JoinRefusal when the name belongs to another device */
  async #checkName(joining: Joining, isManual: boolean): Promise<void> {
    const name = joining.frame.nodeName;
    const node = await this.#find(name);
    if (node !== undefined) refuseTakenName(joining, node, isManual);
  }

  async #find(name: string): Promise<KubeObject | undefined> {
    try {
      return await this.#parts.client.get(resources.nodes, { name });
    } catch (error) {
      if (hasReason(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /** Writes into the Node, made if need be, whose it is. @throws JoinRefusal when another device was faster */
  async #giveName(joining: Joining, isManual: boolean): Promise<void> {
    const { client } = this.#parts;
    const { nodeName: name, hardwareId } = joining.frame;
    const annotations = ownerAnnotations({ key: joining.key, ...(hardwareId === undefined ? {} : { hardwareId }) });
    try {
      await client.create(resources.nodes, { metadata: { name, annotations } });
    } catch (error) {
      if (!hasReason(error, 'AlreadyExists')) throw error;
      const node = await client.get(resources.nodes, { name });
      refuseTakenName(joining, node, isManual);
      if (node.metadata.annotations?.[deviceKeyAnnotation] === joining.key) return;
      const { resourceVersion } = node.metadata;
      await client.patch(resources.nodes, { name }, 'merge', { metadata: { resourceVersion, annotations } });
    }
  }

  /** The certificate of the device's request, once it is signed. @throws JoinRefusal when it was denied */
  async #certificate({ frame, grant, key }: Joining, isManual: boolean, link: Link): Promise<string> {
    const client = this.#parts.client.as({
      name: `system:bootstrap:${grant.tokenId}`,
      groups: ['system:bootstrappers', ...grant.groups, 'system:authenticated'],
    });
    // The same for each attempt of a device with a token: it finds its request again, and what became of it.
    const name = `node-csr-${frame.nodeName.slice(0, 200)}-${key.slice(0, 12)}-${grant.tokenId}`;
    const { hardwareId } = frame;
    try {
      await client.create(resources.certificateSigningRequests, {
        metadata: {
          name,
          ...(hardwareId === undefined ? {} : { annotations: { [hardwareIdAnnotation]: hardwareId } }),
        },
        spec: {
          request: Buffer.from(frame.requestPem).toString('base64'),
          signerName,
          usages: ['digital signature', 'client auth'],
        },
      });
    } catch (error) {
      if (!hasReason(error, 'AlreadyExists')) throw error;
    }
    return this.#decided(name, isManual, link);
  }

  /** Waits for what becomes of a request; as long as the device does when a person has to decide. @throws JoinRefusal */
  async #decided(name: string, isManual: boolean, link: Link): Promise<string> {
    if (this.#waiting.size >= maxWaitingJoins) throw new JoinRefusal('too many devices are joining: try again later');
    const { client, clock } = this.#parts;
    const stop = new AbortController();
    if (!isManual) void sleep(clock, signedWithinMs, stop.signal).then(() => stop.abort());
    link.closed.addEventListener('abort', () => stop.abort(), { once: true });
    let saidPending = false;
    try {
      for (;;) {
        const changed = this.#changeOf(name, stop.signal);
        const request = (await client.get(resources.certificateSigningRequests, { name })) as CertificateRequest;
        const certificate = certificateOf(request);
        if (certificate !== undefined) return certificate;
        if (stop.signal.aborted) throw new JoinRefusal(`the certificate request ${name} was not signed in time`);
        if (isManual && !saidPending) link.send(encodeFrame({ type: 'pending', request: name }));
        saidPending = true;
        await changed;
      }
    } catch (error) {
      if (hasReason(error, 'NotFound')) throw new JoinRefusal(`the certificate request ${name} was deleted`);
      throw error;
    } finally {
      stop.abort();
    }
  }

  /** Resolves when the request has changed since the call, or the signal aborts. */
  #changeOf(name: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waiters = this.#waiting.get(name) ?? new Set();
      this.#waiting.set(name, waiters);
      const wake = (): void => {
        waiters.delete(wake);
        if (waiters.size === 0 && this.#waiting.get(name) === waiters) this.#waiting.delete(name);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      waiters.add(wake);
      if (signal.aborted) wake();
      else signal.addEventListener('abort', wake, { once: true });
    });
  }
}

/** The certificate of a request that is signed; undefined when nothing is decided. @throws JoinRefusal when it never will be */
function certificateOf({ status }: CertificateRequest): string | undefined {
  if (status?.certificate) return Buffer.from(status.certificate, 'base64').toString();
  const bad = status?.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed');
  if (bad === undefined) return undefined;
  throw new JoinRefusal(
    `the certificate request was ${bad.type.toLowerCase()}${bad.message ? `: ${bad.message}` : ''}`,
  );
}

/** @throws JoinRefusal when the node is not this device's, and may not become it */
function refuseTakenName({ frame, grant, key }: Joining, node: KubeObject, isManual: boolean): void {
  const { annotations = {}, name } = node.metadata;
  if (grant.nodeName === name || annotations[deviceKeyAnnotation] === key) return;
  const isSameBoard = frame.hardwareId !== undefined && annotations[hardwareIdAnnotation] === frame.hardwareId;
  if (isSameBoard && isManual) return;
  const token = `make a token for this one (skerry token create --node ${name})`;
  if (isSameBoard)
    throw new JoinRefusal(
      `node ${name} exists already and is this very board with another key, as after its card was written again: delete the node (kubectl delete node ${name}), or ${token}`,
    );
  throw new JoinRefusal(`node ${name} exists already: choose another --node-name, or ${token}`, 'name-taken');
}
