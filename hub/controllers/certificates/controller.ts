// Approves and signs the certificate requests of nodes: those that came with a
// join token and those of nodes that renew. Others wait for `kubectl certificate`.
// https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers
import type { CertificateRequest } from '../../../api/kinds/cluster.ts';
import { manualApprovalGroup } from '../../../api/meta/device.ts';
import { hasReason } from '../../../api/meta/status.ts';
import { formatTime, parseTime } from '../../../api/meta/time.ts';
import type { Controller, ControllerParts } from '../../client/controller-parts.ts';
import { resources } from '../../client/resources.ts';
import { WorkQueue } from '../../client/work-queue.ts';

export const nodeSignerName = 'kubernetes.io/kube-apiserver-client-kubelet';
/** Signs for people and programs, when somebody has approved. */
const clientSignerName = 'kubernetes.io/kube-apiserver-client';
/** Validity of their certificates, when the request does not say: the hub, which verifies them, has a clock. */
const clientValiditySeconds = 365 * 24 * 3600;

/** Signs PEM requests; hub/pki implements it, main.ts joins the two. */
export type RequestSigner = {
  /** The common name that a request asks for. @throws when it can't be read */
  subjectOf(requestPem: string): { commonName: string; organizations: readonly string[] };
  /** PEM certificate, valid until a time if one is given. @throws when the request is not for exactly this subject */
  sign(
    requestPem: string,
    subject: { commonName: string; organizations: readonly string[] },
    untilMs?: number,
  ): Promise<string>;
};

/** Requests are kept for an hour after they were answered. */
const keepMs = 3_600_000;
/** Those of joining devices for a week: a device that was off meanwhile finds its answer. */
const keepJoiningMs = 7 * 24 * 3_600_000;

export class CertificatesController implements Controller {
  #parts: ControllerParts & { signer: RequestSigner };
  #queue: WorkQueue;

  constructor(parts: ControllerParts & { signer: RequestSigner }) {
    this.#parts = parts;
    this.#queue = new WorkQueue('certificates', (key) => this.#reconcile(key), parts);
    parts.informers.for(resources.certificateSigningRequests);
  }

  start(signal: AbortSignal): void {
    this.#parts.informers.for(resources.certificateSigningRequests).subscribe(({ key, object }) => {
      if (object !== undefined) this.#queue.add(key);
    });
    this.#queue.start(signal);
  }

  async #reconcile(name: string): Promise<void> {
    const request = this.#parts.informers.for(resources.certificateSigningRequests).get(name) as
      | CertificateRequest
      | undefined;
    if (request === undefined) return;
    const conditions = request.status?.conditions ?? [];
    const has = (type: string): boolean => conditions.some((condition) => condition.type === type);
    if (request.status?.certificate || has('Denied') || has('Failed')) return this.#expire(request);
    if (request.spec.signerName === clientSignerName) {
      if (has('Approved')) await this.#settle(request, () => this.#signClient(request));
      return;
    }
    if (request.spec.signerName !== nodeSignerName) return;
    if (!has('Approved')) {
      if (this.#isOwnNode(request))
        await this.#setCondition(
          request,
          'Approved',
          'AutoApproved',
          'approved: the requester may speak for this node',
          'approval',
        );
      return;
    }
    await this.#sign(request);
  }

  /** A joining device asks for any node name that its token allows, unless people decide; a node only for its own. */
  #isOwnNode(request: CertificateRequest): boolean {
    const { username = '', groups = [] } = request.spec;
    return (
      (isJoining(request) && !groups.includes(manualApprovalGroup)) ||
      (groups.includes('system:nodes') && this.#subject(request)?.commonName === username)
    );
  }

  #subject(request: CertificateRequest): { commonName: string; organizations: readonly string[] } | undefined {
    try {
      return this.#parts.signer.subjectOf(decode(request));
    } catch {
      return undefined;
    }
  }

  #sign(request: CertificateRequest): Promise<void> {
    const commonName = this.#subject(request)?.commonName ?? '';
    return this.#settle(request, () => {
      if (!/^system:node:[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(commonName))
        throw new Error(`expected the subject O=system:nodes, CN=system:node:NAME, found CN=${commonName}`);
      return this.#parts.signer.sign(decode(request), { commonName, organizations: ['system:nodes'] });
    });
  }

  /** https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers */
  async #signClient(request: CertificateRequest): Promise<string> {
    const { signer, clock } = this.#parts;
    const subject = signer.subjectOf(decode(request));
    // Groups that pass every check, and names of nodes, are given in other ways.
    const isReserved = subject.organizations.some((name) => name === 'system:masters' || name === 'system:nodes');
    if (subject.commonName === '' || isReserved)
      throw new Error(
        `the subject CN=${subject.commonName}, O=${subject.organizations.join()} is not signed for clients`,
      );
    const seconds = request.spec.expirationSeconds ?? clientValiditySeconds;
    return signer.sign(decode(request), subject, clock.nowMs() + seconds * 1000);
  }

  /** Writes the certificate to the request, or why there is none. */
  async #settle(request: CertificateRequest, sign: () => Promise<string>): Promise<void> {
    const { client } = this.#parts;
    try {
      const certificate = await sign();
      const status = { certificate: Buffer.from(certificate).toString('base64') };
      await client.patch(resources.certificateSigningRequests, request.metadata, 'merge', { status }, 'status');
    } catch (error) {
      if (hasReason(error, 'NotFound')) return;
      await this.#setCondition(request, 'Failed', 'SignerValidationFailure', (error as Error).message, 'status');
    }
  }

  async #setCondition(
    request: CertificateRequest,
    type: string,
    reason: string,
    message: string,
    subresource: string,
  ): Promise<void> {
    const now = formatTime(this.#parts.clock.nowMs());
    const conditions = [
      ...(request.status?.conditions ?? []),
      { type, status: 'True', reason, message, lastUpdateTime: now, lastTransitionTime: now },
    ];
    await this.#parts.client.patch(
      resources.certificateSigningRequests,
      request.metadata,
      'merge',
      { status: { conditions } },
      subresource,
    );
  }

  async #expire(request: CertificateRequest): Promise<void> {
    const answeredMs = Math.max(
      ...(request.status?.conditions ?? []).map(({ lastUpdateTime }) => parseTime(lastUpdateTime) || 0),
      parseTime(request.metadata.creationTimestamp),
    );
    const leftMs = (isJoining(request) ? keepJoiningMs : keepMs) - (this.#parts.clock.nowMs() - answeredMs);
    if (leftMs > 0) this.#queue.addAfter(request.metadata.name, leftMs);
    else await this.#parts.client.delete(resources.certificateSigningRequests, request.metadata);
  }
}

/** Whether it came with a join token. */
function isJoining({ spec: { groups = [] } }: CertificateRequest): boolean {
  return groups.includes('system:bootstrappers');
}

function decode(request: CertificateRequest): string {
  return Buffer.from(request.spec.request, 'base64').toString();
}
