// Joining a cluster: the key is made on the device and never leaves it; the hub
// signs a certificate for the node's name.
import { decodeFrame, encodeFrame } from '../../api/wire/codec.ts';
import type { DownFrame, JoinRequest } from '../../api/wire/frames.ts';
import { parseJoinToken } from '../../api/wire/join-token.ts';
import type { Link } from '../../api/wire/link.ts';
import { whenAborted } from '../../platform/abort.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Random } from '../../platform/random.ts';
import { makeKey } from '../state/device-record.ts';
import type { Identity } from '../state/identity.ts';
import { certificateRequest } from './certificates.ts';
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
  /** A person has to approve the certificate request of this name first. */
  onPending?: (request: string) => void;
};
export type JoinParts = { clock: Clock; random: Random };

/**
 * Joins and resolves with the new identity; nothing is written yet. Takes as long as people do when the token's devices
 * have to be approved.
 * @throws RefusedError when the token is malformed, wrong, expired or used up, the name is taken, or the request denied
 */
export async function joinCluster(
  { hubUrl, token, nodeName, key: knownKey, hardwareId, onPending = () => undefined }: JoinOptions,
  { clock, random }: JoinParts,
  signal?: AbortSignal,
): Promise<Identity> {
  const parts = parseJoinToken(token);
  if (parts === undefined)
    throw new RefusedError('the token is malformed: expected skerry1.ID.SECRET.CA as printed by skerry token create');
  const key = knownKey ?? makeKey();
  const requestPem = await certificateRequest(key, nodeName);
  const stop = new AbortController();
  if (signal !== undefined) whenAborted(signal, () => stop.abort());
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
    const asked = {
      nodeName,
      requestPem,
      ...(hardwareId === undefined ? {} : { hardwareId }),
    };
    const answer = await exchange(link, { type: 'join', ...asked }, clock, onPending);
    if (answer.type === 'refused') throw new RefusedError(answer.message, { reason: answer.reason });
    if (answer.type !== 'joined') throw new RefusedError(`unexpected answer ${answer.type} of the hub`);
    const instance = Buffer.from(random.bytes(4)).toString('hex');
    return { nodeName, instance, hubUrl, certificate: answer.certificate, key, authority: answer.authority };
  } finally {
    stop.abort();
    link.close('joined');
  }
}

function exchange(
  link: Link,
  request: JoinRequest,
  clock: Clock,
  onPending: (request: string) => void,
): Promise<DownFrame> {
  return new Promise((resolve, reject) => {
    const cancel = clock.setTimer(joinTimeoutMs, () => reject(new Error('the hub did not answer the join request')));
    link.closed.addEventListener('abort', () => reject(new Error(`the connection ended: ${link.closed.reason}`)), {
      once: true,
    });
    link.onFrame((bytes) => {
      cancel();
      try {
        const frame = decodeFrame<DownFrame>(bytes);
        if (frame.type === 'pending') onPending(frame.request);
        else resolve(frame);
      } catch (error) {
        reject(error as Error);
      }
    });
    link.send(encodeFrame(request));
  });
}
