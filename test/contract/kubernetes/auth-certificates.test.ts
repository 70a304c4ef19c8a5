// CertificateSigningRequests as objects: all operations, approval and status.
import assert from 'node:assert/strict';
import 'reflect-metadata'; // @peculiar/x509 is built on it and does not load it itself
import { Pkcs10CertificateRequestGenerator, X509CertificateGenerator } from '@peculiar/x509';
import type { KubeObject } from '../../../api/meta/object.ts';
import { conformance } from './support/conformance.ts';
import { checkOperations } from './support/operations.ts';

type Condition = { type: string; status: string; reason?: string; message?: string };
type SigningRequest = KubeObject & {
  spec: { expirationSeconds?: number };
  status: { conditions?: Condition[]; certificate?: string };
};

const apiVersion = 'certificates.k8s.io/v1';
const kind = 'CertificateSigningRequest';
const signerName = 'example.com/conformance';
const name = 'CN=conformance.example.com';
const hourSeconds = 3600;
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

conformance(
  '[sig-auth] Certificates API [Privileged:ClusterAdmin] should support CSR API operations [Conformance]',
  async (cluster) => {
    const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const request = await Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm: algorithm });
    const selfSigned = await X509CertificateGenerator.createSelfSigned({ name, keys, signingAlgorithm: algorithm });
    const certificate = base64(`${selfSigned.toString('pem')}\n`);
    const usages = ['digital signature', 'key encipherment', 'server auth'];
    await checkOperations(cluster, {
      apiVersion,
      kind,
      resource: 'certificatesigningrequests',
      namespaced: false,
      subresources: ['approval', 'status'],
      fields: {
        spec: { request: base64(request.toString('pem')), signerName, expirationSeconds: hourSeconds, usages },
      },
      selector: `fieldSelector=${encodeURIComponent(`spec.signerName=${signerName}`)}`,
      more: async (path, created) => {
        assert.equal((created as SigningRequest).spec.expirationSeconds, hourSeconds);

        const read = await cluster.get(`${path}/approval`);
        assert.deepEqual([read.apiVersion, read.kind, read.metadata.uid], [apiVersion, kind, created.metadata.uid]);
        const judged = { type: 'ApprovalPatch', status: 'True', reason: 'conformance' };
        const patched = await cluster.patch<SigningRequest>(`${path}/approval`, {
          metadata: { annotations: { patchedapproval: 'true' } },
          status: { conditions: [judged] },
        });
        assert.deepEqual(
          patched.status.conditions?.map(({ type }) => type),
          ['ApprovalPatch'],
        );
        assert.equal(patched.metadata.annotations?.patchedapproval, 'true');
        const approved = { type: 'Approved', status: 'True', reason: 'Conformance', message: 'set by a test' };
        patched.status.conditions?.push(approved);
        const updated = await cluster.update<SigningRequest>(`${path}/approval`, patched);
        assert.deepEqual(
          updated.status.conditions?.map(({ type }) => type),
          ['ApprovalPatch', 'Approved'],
        );

        const status = await cluster.get(`${path}/status`);
        assert.deepEqual(
          [status.apiVersion, status.kind, status.metadata.uid],
          [apiVersion, kind, created.metadata.uid],
        );
        const signed = await cluster.patch<SigningRequest>(`${path}/status`, {
          metadata: { annotations: { patchedstatus: 'true' } },
          status: { certificate },
        });
        assert.equal(signed.status.certificate, certificate);
        assert.equal(signed.metadata.annotations?.patchedstatus, 'true');
        signed.status.conditions?.push({ ...approved, type: 'StatusUpdate' });
        const last = await cluster.update<SigningRequest>(`${path}/status`, signed);
        assert.deepEqual(
          last.status.conditions?.map(({ type }) => type),
          ['ApprovalPatch', 'Approved', 'StatusUpdate'],
        );
        assert.equal(last.status.certificate, certificate);
      },
    });
  },
);
