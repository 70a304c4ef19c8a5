// Composition root of the hub: reads the machine, opens the store, makes the
// certificates, and puts HTTPS and MQTT in front of the hub's parts.
import { join } from 'node:path';
import { isHardwareId } from '../api/meta/device.ts';
import { nodeUser } from '../api/meta/operation.ts';
import { adminKubeconfigFile, mqttUrlFile } from '../api/wire/hub-files.ts';
import type { LinkPeer } from '../api/wire/link.ts';
import { hardwareIdOfUser } from '../api/wire/topics.ts';
import { createSystemClock } from '../platform/clock.ts';
import { createSystemDisk, type Disk } from '../platform/disk.ts';
import { lockDirectory } from '../platform/lock.ts';
import { createLog } from '../platform/log.ts';
import { createMetrics } from '../platform/metrics.ts';
import { readHostFacts } from '../platform/process.ts';
import { createSystemRandom } from '../platform/random.ts';
import { createServiceManager, serveUnderManager } from '../platform/service-manager.ts';
import { HttpServer } from './apiserver/http.ts';
import { BrokerServer, type Credentials } from './broker/broker.ts';
import { Hub } from './hub.ts';
import {
  CertificateAuthority,
  type KeyPair,
  namesOfCertificate,
  readRequestKey,
  readRequestSubject,
} from './pki/authority.ts';
import { formatKubeconfig } from './pki/kubeconfig.ts';
import { TokenSigner } from './pki/token-signer.ts';
import { NedbStore } from './store/nedb/nedb-store.ts';

export type HubMainOptions = {
  version: string;
  dataDirectory: string;
  bindAddress: string;
  httpsPort: number;
  mqttPort: number;
  /** More names and addresses for the serving certificate. */
  tlsSans: readonly string[];
  clusterCidr: string;
  unreachableAfterMs: number;
  compactionIntervalMs: number;
  logLevel: string;
};

export type RunningHub = { httpsUrl: string; mqttUrl: string; kubeconfigPath: string; stop: () => Promise<void> };

/**
 * Starts a hub; resolves when it serves.
 * @throws Error when the data directory is in use or damaged, or a port is taken
 */
export async function startHub(options: HubMainOptions): Promise<RunningHub> {
  const clock = createSystemClock();
  const random = createSystemRandom();
  const disk = createSystemDisk();
  const log = createLog({ level: options.logLevel, name: 'hub' });
  const metrics = createMetrics();
  const stop = new AbortController();
  const { dataDirectory } = options;

  await disk.makeDirectory(dataDirectory);
  const unlock = await lockDirectory(disk, dataDirectory, 'hub');
  const authority = await CertificateAuthority.open(disk, random, join(dataDirectory, 'pki'));
  const serving = await openServingCertificate(disk, authority, dataDirectory, servingNames(options));
  const store = new NedbStore({ directory: join(dataDirectory, 'store') }, { disk, log: log.child({ part: 'store' }) });
  await store.start();

  const signer = {
    subjectOf: readRequestSubject,
    publicKeyOf: readRequestKey,
    sign: (requestPem: string, subject: { commonName: string; organizations: readonly string[] }, untilMs?: number) =>
      authority.signRequest(requestPem, subject, untilMs),
  };
  const tokens = await TokenSigner.open(disk, join(dataDirectory, 'pki'));
  const hub = new Hub(options, { store, clock, random, log, signer, authority: authority.certificate, tokens });
  metrics.gauge('skerry_store_revision', 'Newest revision of the store.', () => store.revision());
  metrics.gauge('process_resident_memory_bytes', 'Resident memory of the hub.', () => process.memoryUsage.rss());
  await hub.start(stop.signal);

  const tls = {
    bindAddress: options.bindAddress,
    certificate: serving.certificate,
    key: serving.key,
    clientAuthority: authority.certificate,
  };
  const http = new HttpServer(
    { ...tls, port: options.httpsPort },
    { server: hub.server, clock, log: log.child({ part: 'http' }), metrics },
  );
  const httpsPort = await http.start(stop.signal);
  await hub.publishAddress(advertisedAddress(options.bindAddress), httpsPort);
  const broker = await BrokerServer.create({
    clock,
    log: log.child({ part: 'broker' }),
    authenticate: (credentials) => authenticateLink(credentials, hub),
    onLink: (link, peer) => hub.accept(link, peer),
    onSecond: (peer, connected) => hub.refused(peer, connected),
  });
  const mqttPort = await broker.start({ ...tls, port: options.mqttPort }, stop.signal);

  const host = urlHost(options.bindAddress);
  const httpsUrl = `https://${host}:${httpsPort}`;
  const kubeconfigPath = join(dataDirectory, adminKubeconfigFile);
  await writeKubeconfig(disk, authority, kubeconfigPath, httpsUrl);
  const mqttUrl = `mqtts://${host}:${mqttPort}`;
  await disk.write(join(dataDirectory, mqttUrlFile), `${mqttUrl}\n`);
  const manager = createServiceManager(process.env, process.pid);
  // A hub that turns its event loop serves; what it can't do it says with each answer.
  const service = serveUnderManager({ manager, clock, log, isAlive: () => true }, stop.signal);
  return {
    httpsUrl,
    mqttUrl,
    kubeconfigPath,
    stop: async () => {
      await service.stopping();
      stop.abort();
      await http.close();
      await store.close();
      await unlock();
    },
  };
}

/** A certificate speaks for its node; a user name of the form join:ID for a device that holds the token's secret. */
async function authenticateLink(
  { certificate, userName, password }: Credentials,
  hub: Hub,
): Promise<LinkPeer | undefined> {
  if (certificate !== undefined) {
    const prefix = nodeUser('').name;
    if (!certificate.organizations.includes('system:nodes') || !certificate.commonName.startsWith(prefix))
      return undefined;
    const hardwareId = hardwareIdOfUser(userName);
    const nodeName = certificate.commonName.slice(prefix.length);
    const board = hardwareId === undefined || !isHardwareId(hardwareId) ? {} : { hardwareId };
    return { kind: 'node', nodeName, key: certificate.key, ...board };
  }
  if (userName?.startsWith('join:') !== true || password === undefined) return undefined;
  return hub.checkToken(userName.slice('join:'.length), password);
}

/** Names and addresses under which the hub may be reached. */
function servingNames({ bindAddress, tlsSans }: HubMainOptions): string[] {
  const facts = readHostFacts();
  const always = ['localhost', '127.0.0.1', '::1', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
  const listensEverywhere = bindAddress === '0.0.0.0' || bindAddress === '::';
  return [
    ...new Set([...always, ...(listensEverywhere ? [facts.hostname, ...facts.addresses] : [bindAddress]), ...tlsSans]),
  ];
}

/** An address at which others may reach the hub: the one it listens at, or this machine's first when that is all or none. */
function advertisedAddress(bindAddress: string): string {
  const isOne = !['0.0.0.0', '::', '::1', 'localhost'].includes(bindAddress) && !bindAddress.startsWith('127.');
  return isOne ? bindAddress : (readHostFacts().addresses[0] ?? bindAddress);
}

function urlHost(bindAddress: string): string {
  const address =
    bindAddress === '0.0.0.0' || bindAddress === '::' ? (readHostFacts().addresses[0] ?? '127.0.0.1') : bindAddress;
  return address.includes(':') ? `[${address}]` : address;
}

/** The certificate of the last start, or a new one when names were added. */
async function openServingCertificate(
  disk: Disk,
  authority: CertificateAuthority,
  dataDirectory: string,
  names: string[],
): Promise<KeyPair> {
  const [certificatePath, keyPath] = [join(dataDirectory, 'pki', 'hub.crt'), join(dataDirectory, 'pki', 'hub.key')];
  const [certificate, key] = [await disk.read(certificatePath), await disk.read(keyPath)];
  if (certificate !== undefined && key !== undefined) {
    const known = { certificate: Buffer.from(certificate).toString(), key: Buffer.from(key).toString() };
    const covered = namesOfCertificate(known.certificate).map(normalizeName);
    if (names.every((name) => covered.includes(normalizeName(name)))) return known;
  }
  const issued = await authority.issueServer(names);
  // The whole chain, so that a joining device sees the CA that its token names.
  const pair = { certificate: issued.certificate + authority.certificate, key: issued.key };
  await disk.write(keyPath, pair.key);
  await disk.write(certificatePath, pair.certificate);
  return pair;
}

/** IPv6 addresses are written in several ways. */
function normalizeName(name: string): string {
  return name.includes(':') ? new URL(`https://[${name}]`).hostname : name.toLowerCase();
}

async function writeKubeconfig(
  disk: Disk,
  authority: CertificateAuthority,
  path: string,
  server: string,
): Promise<void> {
  const known = Buffer.from((await disk.read(path)) ?? []).toString();
  if (known.includes(`server: ${server}\n`) && known.includes(Buffer.from(authority.certificate).toString('base64')))
    return;
  const admin = await authority.issueClient({ commonName: 'skerry-admin', organizations: ['system:masters'] });
  await disk.write(path, formatKubeconfig({ server, authority: authority.certificate, ...admin }));
}
