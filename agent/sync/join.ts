// Joining a cluster: the key is made on the device and never leaves it; the hub
// signs a certificate for the node's name.
import { createPublicKey, webcrypto } from 'node:crypto';
import 'reflect-metadata'; // @peculiar/x509 is built on it and does not load it itself
import { PemConverter, Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { decodeFrame, encodeFrame } from '../../api/wire/codec.ts';
import type { DownFrame } from '../../api/wire/frames.ts';
import { parseJoinToken } from '../../api/wire/join-token.ts';
import type { Link } from '../../api/wire/link.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Random } from '../../platform/random.ts';
import { makeKey } from '../state/device-record.ts';
import type { Identity } from '../state/identity.ts';
import { RefusedError } from './connector.ts';
import { joinTimeoutMs } from './limits.ts';
import { openJoinLink } from './mqtt-link.ts';

export type JoinOptions = {
  hubUrl: string;
  token: string;
  nodeName: string;
  /** PKCS #8 private key (PEM, EC P-256) of a device that keeps it; without it one is made. */
  key?: string;
  /** Which device this is; the same one does not use a counted token up twice. */
  hardwareId?: string;
};
export type JoinParts = { clock: Clock; random: Random };

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/**
 * Joins and resolves with the new identity; nothing is written yet.
 * @throws RefusedError when the token is malformed, wrong or expired, or the name is taken
 */
export async function joinCluster(
  { hubUrl, token, nodeName, key: knownKey, hardwareId }: JoinOptions,
  { clock, random }: JoinParts,
): Promise<Identity> {
  const parts = parseJoinToken(token);
  if (parts === undefined)
    throw new RefusedError('the token is malformed: expected skerry1.ID.SECRET.CA as printed by skerry token create');
  const key = knownKey ?? makeKey();
  const keys = await importKeys(key);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: `O=system:nodes, CN=system:node:${nodeName}`,
    keys,
    signingAlgorithm: algorithm,
  });
  const stop = new AbortController();
  const processNonce = Buffer.from(random.bytes(6)).toString('hex');
  let link: Link;
  try {
    link = await openJoinLink(
      {
        hubUrl,
        tokenId: parts.id,
        secret: parts.secret,
        authorityFingerprint: parts.authorityFingerprint,
        processNonce,
      },
      stop.signal,
    );
  } catch (error) {
    if (error instanceof RefusedError && error.message.includes('token is not valid'))
      throw new RefusedError('the hub refuses the token: it is wrong, expired or revoked', { cause: error });
    throw error;
  }
  try {
    const answer = await exchange(
      link,
      {
        type: 'join',
        nodeName,
        requestPem: request.toString('pem'),
        ...(hardwareId === undefined ? {} : { hardwareId }),
      },
      clock,
    );
    if (answer.type === 'refused') throw new RefusedError(answer.message);
    if (answer.type !== 'joined') throw new RefusedError(`unexpected answer ${answer.type} of the hub`);
    const instance = Buffer.from(random.bytes(4)).toString('hex');
    return { nodeName, instance, hubUrl, certificate: answer.certificate, key, authority: answer.authority };
  } finally {
    stop.abort();
    link.close('joined');
  }
}

/** Both halves of a key, of which the file holds the private one. */
async function importKeys(pem: string): Promise<webcrypto.CryptoKeyPair> {
  const publicDer = createPublicKey(pem).export({ type: 'spki', format: 'der' });
  const { subtle } = webcrypto;
  return {
    privateKey: await subtle.importKey('pkcs8', PemConverter.decodeFirst(pem), algorithm, false, ['sign']),
    publicKey: await subtle.importKey('spki', publicDer, algorithm, true, ['verify']),
  };
}

function exchange(link: Link, request: Parameters<typeof encodeFrame>[0], clock: Clock): Promise<DownFrame> {
  return new Promise((resolve, reject) => {
    const cancel = clock.setTimer(joinTimeoutMs, () => reject(new Error('the hub did not answer the join request')));
    link.closed.addEventListener('abort', () => reject(new Error(`the connection ended: ${link.closed.reason}`)), {
      once: true,
    });
    link.onFrame((bytes) => {
      cancel();
      try {
        resolve(decodeFrame<DownFrame>(bytes));
      } catch (error) {
        reject(error as Error);
      }
    });
    link.send(encodeFrame(request));
  });
}
