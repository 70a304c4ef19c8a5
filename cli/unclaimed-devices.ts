// Devices on this network that belong to nobody: finding them, and giving one
// what it needs over a connection that is known by the device's own key.
import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { connect, type TLSSocket } from 'node:tls';
import {
  type Announcement,
  type ClaimAnswer,
  claimServiceType,
  type LanClaim,
  maxClaimBytes,
  readAnnouncement,
  readClaimAnswer,
} from '../api/device/announcement.ts';
import { browseServices } from '../platform/mdns.ts';
import { CommandError } from './errors.ts';

export type UnclaimedDevice = Announcement & { addresses: string[]; port: number };

const connectTimeoutMs = 5000;

/** Devices that answer within a time; sooner when `isEnough`. Those that answer from several addresses come once. */
export function findDevices(
  durationMs: number,
  isEnough: (device: UnclaimedDevice) => boolean = () => false,
): Promise<UnclaimedDevice[]> {
  const found = new Map<string, UnclaimedDevice>();
  return new Promise((resolve) => {
    const stop = new AbortController();
    const finish = (): void => {
      clearTimeout(timer);
      stop.abort();
      resolve([...found.values()].sort((a, b) => (a.nodeName < b.nodeName ? -1 : 1)));
    };
    const timer = setTimeout(finish, durationMs);
    browseServices(claimServiceType, stop.signal, ({ txt, addresses, port }) => {
      const announcement = readAnnouncement(txt);
      if (announcement === undefined) return;
      const known = found.get(announcement.key);
      const all = [...new Set([...(known?.addresses ?? []), ...addresses])];
      const device = { ...announcement, addresses: all, port };
      found.set(announcement.key, device);
      if (isEnough(device)) finish();
    });
  });
}

/** A connection to the device with this very key. @throws CommandError when something else answers, or nothing */
function open(address: string, { port, key, nodeName }: UnclaimedDevice): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    // The certificate says nothing but its key, which is compared instead of everything else.
    const socket = connect({ host: address, port, rejectUnauthorized: false, timeout: connectTimeoutMs });
    const fail = (message: string, cause?: Error): void => {
      socket.destroy();
      reject(new CommandError(`${nodeName} at ${address}: ${message}`, { cause }));
    };
    socket.once('timeout', () => fail('no answer'));
    socket.once('error', (error) => fail(error.message, error));
    socket.once('secureConnect', () => {
      const der = socket.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' });
      if (der === undefined || createHash('sha256').update(der).digest('hex') !== key) {
        fail('somebody else answers: its key is not the announced one');
        return;
      }
      socket.removeAllListeners('timeout').removeAllListeners('error').setTimeout(0);
      resolve(socket);
    });
  });
}

/** Tries a device's addresses one after the other. @throws CommandError what the last one said */
async function openAny(device: UnclaimedDevice): Promise<TLSSocket> {
  let last: unknown = new CommandError(`${device.nodeName} has no address`);
  for (const address of device.addresses) {
    try {
      return await open(address, device);
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

/**
 * Gives a device its claim; resolves with the last that it says within a time: that it has joined, is refused, or
 * still tries. @throws CommandError when it can't be reached
 */
export async function giveClaim(
  device: UnclaimedDevice,
  claim: LanClaim,
  durationMs: number,
  onAnswer: (answer: ClaimAnswer) => void,
): Promise<ClaimAnswer> {
  const socket = await openAny(device);
  let received = 0;
  let last: ClaimAnswer | undefined;
  const timer = setTimeout(() => socket.destroy(), durationMs);
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (received > maxClaimBytes) socket.destroy();
  });
  socket.write(`${JSON.stringify(claim)}\n`);
  const lines = createInterface({ input: socket });
  // A connection that is cut has no end that it would hear of.
  socket.once('close', () => lines.close());
  for await (const line of lines) {
    const answer = readClaimAnswer(line);
    if (answer === undefined) continue;
    last = answer;
    onAnswer(answer);
    if (answer.state === 'joined' || answer.state === 'refused') break;
  }
  clearTimeout(timer);
  socket.destroy();
  if (last === undefined) throw new CommandError(`${device.nodeName} has closed the connection without a word`);
  return last;
}
