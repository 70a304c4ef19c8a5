// Lease (coordination.k8s.io) and CertificateSigningRequest (certificates.k8s.io).
// https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/
import type { Lease } from '../meta/kubernetes.ts';
import { dnsSubdomainError } from '../meta/names.ts';
import { type JsonObject, jsonEqual, type KubeObject } from '../meta/object.ts';
import { type FieldError, invalidValue, required } from '../meta/status.ts';
import { humanDuration } from '../meta/time.ts';
import { ageColumn, textColumn } from './columns.ts';
import { defineKind, type Kind, specOf, statusSubresource } from './kind.ts';

export const leaseKind: Kind = defineKind({
  group: 'coordination.k8s.io',
  kind: 'Lease',
  plural: 'leases',
  typeId: 'coordination.v1.Lease',
  nameError: dnsSubdomainError,
  validate: (object) => {
    const duration = (object as Lease).spec?.leaseDurationSeconds;
    return duration !== undefined && duration <= 0
      ? [invalidValue('spec.leaseDurationSeconds', duration, 'must be greater than 0')]
      : [];
  },
  columns: [
    textColumn('Holder', 'Identity of the holder.', (object) => (object as Lease).spec?.holderIdentity ?? ''),
    ageColumn,
  ],
});

/** A CertificateSigningRequest as this house uses it. */
export type CertificateRequest = KubeObject & {
  spec: {
    request: string;
    signerName: string;
    usages?: string[];
    username?: string;
    groups?: string[];
    expirationSeconds?: number;
  };
  status?: {
    certificate?: string;
    conditions?: { type: string; status: string; reason?: string; message?: string; lastUpdateTime?: string }[];
  };
};
const asRequest = (object: KubeObject): CertificateRequest => object as CertificateRequest;

function conditionText(request: CertificateRequest): string {
  const types = (request.status?.conditions ?? []).map((condition) => condition.type);
  const decision = types.includes('Denied') ? 'Denied' : types.includes('Approved') ? 'Approved' : 'Pending';
  const parts = [
    decision,
    ...(types.includes('Failed') ? ['Failed'] : []),
    ...(request.status?.certificate ? ['Issued'] : []),
  ];
  return parts.join(',');
}

export const certificateSigningRequestKind: Kind = defineKind({
  group: 'certificates.k8s.io',
  kind: 'CertificateSigningRequest',
  plural: 'certificatesigningrequests',
  shortNames: ['csr'],
  namespaced: false,
  typeId: 'certificates.v1.CertificateSigningRequest',
  nameError: dnsSubdomainError,
  subresources: [statusSubresource, { name: 'approval', verbs: ['get', 'patch', 'update'] }],
  validate: (object) => {
    const { request, signerName, usages = [] } = asRequest(object).spec ?? {};
    const errors: FieldError[] = [];
    if (!request) errors.push(required('spec.request'));
    if (!signerName) errors.push(required('spec.signerName'));
    if (usages.length === 0) errors.push(required('spec.usages'));
    return errors;
  },
  validateUpdate: (object, old) =>
    jsonEqual(object.spec, old.spec) ? [] : [invalidValue('spec', '', 'field is immutable')],
  prepareCreate: (object) => {
    specOf(object);
    object.status = {};
  },
  selectableFields: (object) => ({ 'spec.signerName': asRequest(object).spec.signerName ?? '' }),
  columns: [
    ageColumn,
    textColumn('SignerName', 'Who is to sign.', (object) => asRequest(object).spec.signerName),
    textColumn('Requestor', 'Who asks.', (object) => asRequest(object).spec.username ?? ''),
    textColumn('RequestedDuration', 'Validity asked for.', (object) => {
      const seconds = (asRequest(object).spec as JsonObject).expirationSeconds;
      return typeof seconds === 'number' ? humanDuration(seconds * 1000) : '<none>';
    }),
    textColumn('Condition', 'What became of it.', (object) => conditionText(asRequest(object))),
  ],
});
