// Joining: a device that holds a token asks for a certificate for its node
// name, through a CertificateSigningRequest that is signed like any other.
import type { CertificateRequest } from '../../api/kinds/cluster.ts';
import { dnsSubdomainError } from '../../api/meta/names.ts';
import { hasReason } from '../../api/meta/status.ts';
import { decodeFrame, encodeFrame } from '../../api/wire/codec.ts';
import type { JoinAnswer, JoinRequest, UpFrame } from '../../api/wire/frames.ts';
import type { Link } from '../../api/wire/link.ts';
import { type Clock, sleep } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import { nameSuffix, type Random } from '../../platform/random.ts';
import type { Client } from '../client/client.ts';
import { resources } from '../client/resources.ts';

export type JoinParts = {
  client: Client;
  clock: Clock;
  random: Random;
  log: Log;
  /** The CA's certificate, PEM. */
  authority: string;
};
/** What the token of a joining device allows. */
export type JoinGrant = { tokenId: string; nodeName: string | undefined };

const signerName = 'kubernetes.io/kube-apiserver-client-kubelet';
const signedWithinMs = 15_000;
const pollMs = 50;

/** Serves one joining connection: one request, one answer. */
export function serveJoin(link: Link, grant: JoinGrant, parts: JoinParts): void {
  let asked = false;
  link.onFrame((bytes) => {
    if (asked) return;
    asked = true;
    void answer(bytes, grant, parts)
      .catch((error: unknown): JoinAnswer => {
        parts.log.error({ err: error }, 'a device could not join');
        return { type: 'refused', message: 'the hub failed, see its log' };
      })
      .then((frame) => link.send(encodeFrame(frame)));
  });
}

async function answer(bytes: Uint8Array, grant: JoinGrant, parts: JoinParts): Promise<JoinAnswer> {
  const frame = decodeFrame<UpFrame>(bytes);
  if (frame.type !== 'join') return { type: 'refused', message: `expected a join request, found ${frame.type}` };
  const problem = dnsSubdomainError(frame.nodeName);
  if (problem !== undefined)
    return { type: 'refused', message: `node name ${JSON.stringify(frame.nodeName)}: ${problem}` };
  if (grant.nodeName !== undefined && grant.nodeName !== frame.nodeName) {
    return { type: 'refused', message: `the token is for node ${grant.nodeName}, not for ${frame.nodeName}` };
  }
  if (grant.nodeName === undefined && (await nodeExists(frame.nodeName, parts))) {
    return {
      type: 'refused',
      message: `node ${frame.nodeName} exists already: choose another --node-name, or make a token for this one (skerry token create --node ${frame.nodeName})`,
    };
  }
  return sign(frame, grant, parts);
}

async function nodeExists(name: string, { client }: JoinParts): Promise<boolean> {
  try {
    await client.get(resources.nodes, { name });
    return true;
  } catch (error) {
    if (hasReason(error, 'NotFound')) return false;
    throw error;
  }
}

async function sign(
  { nodeName, requestPem }: JoinRequest,
  { tokenId }: JoinGrant,
  parts: JoinParts,
): Promise<JoinAnswer> {
  const client = parts.client.as({
    name: `system:bootstrap:${tokenId}`,
    groups: ['system:bootstrappers', 'system:authenticated'],
  });
  const name = `node-csr-${nodeName}-${nameSuffix(parts.random)}`.slice(-253);
  await client.create(resources.certificateSigningRequests, {
    metadata: { name },
    spec: {
      request: Buffer.from(requestPem).toString('base64'),
      signerName,
      usages: ['digital signature', 'client auth'],
    },
  });
  for (let waitedMs = 0; waitedMs < signedWithinMs; waitedMs += pollMs) {
    const { status } = (await client.get(resources.certificateSigningRequests, { name })) as CertificateRequest;
    if (status?.certificate) {
      return {
        type: 'joined',
        certificate: Buffer.from(status.certificate, 'base64').toString(),
        authority: parts.authority,
      };
    }
    const bad = status?.conditions?.find((condition) => condition.type === 'Denied' || condition.type === 'Failed');
    if (bad !== undefined)
      return {
        type: 'refused',
        message: `the certificate request was ${bad.type.toLowerCase()}: ${bad.message ?? ''}`,
      };
    await sleep(parts.clock, pollMs);
  }
  return { type: 'refused', message: `the certificate request ${name} was not signed in time` };
}
