// Where a device that belongs to nobody can be claimed: a TLS listener with the
// device's own key, which mDNS announces. Whoever comes first is believed; who
// listens on the network learns nothing (docs/adr/0008-claiming-devices.md).
import { createHash, createPublicKey } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import {
  announcementTexts,
  type ClaimAnswer,
  claimServiceType,
  type LanClaim,
  maxClaimBytes,
  readLanClaim,
} from '../../api/device/announcement.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { announceService } from '../../platform/mdns.ts';
import type { listenTls } from '../../platform/net.ts';
import { defaultNodeName } from './hardware-id.ts';
import { claimTimeoutMs, maxClaimConnections } from './limits.ts';

export type ListenerOptions = {
  hardwareId: string;
  /** PKCS #8, PEM. */
  key: string;
  version: string;
};
export type ListenerParts = {
  clock: Clock;
  log: Log;
  listenTls: typeof listenTls;
  announce: typeof announceService;
  /** A certificate for a key, both PEM. */
  selfSign: (keyPem: string) => Promise<string>;
  /** Takes a claim; `tell` goes to the one who claims, as long as that one listens. */
  onClaim: (claim: LanClaim, tell: (answer: ClaimAnswer) => void) => Promise<void>;
};

/** SHA-256 (hex) of the public half of a private key: what is announced, and what the hub knows the device by. */
export function fingerprintOfKey(keyPem: string): string {
  const der = createPublicKey(keyPem).export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('hex');
}

/** Listens, and announces that it does, until the signal aborts. */
export async function listenForClaims(
  { hardwareId, key, version }: ListenerOptions,
  parts: ListenerParts,
  signal: AbortSignal,
): Promise<void> {
  const certificate = await parts.selfSign(key);
  if (signal.aborted) return;
  const port = await parts.listenTls(
    { bindAddress: '0.0.0.0', port: 0, certificate, key, maxConnections: maxClaimConnections },
    signal,
    (socket) => serve(socket, parts),
  );
  const nodeName = defaultNodeName(hardwareId);
  const txt = announcementTexts({ hardwareId, nodeName, version, key: fingerprintOfKey(key) });
  parts.announce({ type: claimServiceType, name: nodeName, port, txt }, signal);
}

/** One claim a connection: a line comes, lines go back. */
function serve(socket: TLSSocket, { onClaim, clock, log }: ListenerParts): void {
  const tell = (answer: ClaimAnswer): void => {
    if (!socket.writable) return;
    const line = `${JSON.stringify(answer)}\n`;
    if (answer.state === 'joined' || answer.state === 'refused') socket.end(line);
    else socket.write(line);
  };
  let text = '';
  // Whoever says nothing for so long holds one of few places.
  const cancel = clock.setTimer(claimTimeoutMs, () => socket.destroy());
  socket.once('close', cancel);
  const read = (chunk: string): void => {
    text += chunk;
    const end = text.indexOf('\n');
    if (end < 0 && text.length <= maxClaimBytes) return;
    socket.off('data', read);
    cancel();
    socket.resume();
    const reading = readLanClaim(end < 0 ? text : text.slice(0, end));
    if ('problem' in reading) {
      tell({ state: 'refused', message: reading.problem });
      return;
    }
    onClaim(reading.claim, tell).catch((error: unknown) => {
      log.error({ err: error }, 'a claim could not be taken');
      tell({ state: 'refused', message: 'the device could not keep the claim' });
    });
  };
  socket.setEncoding('utf8').on('data', read);
}
