// The doctor: reads everything that its checks judge, and has them judge it.
// The hub is asked for a TLS handshake alone, which disturbs no agent.
import type { Clock } from '../../platform/clock.ts';
import type { Host } from '../../platform/host.ts';
import { HandshakeError, resolveName, shakeHands } from '../../platform/net.ts';
import type { HostFacts } from '../../platform/process.ts';
import { examine, type NamedFinding } from './checks.ts';
import { hubTimeoutMs } from './limits.ts';
import { askFirmware, readDevice, readTimeFloor } from './read-device.ts';
import { readSystem } from './read-system.ts';
import type { AgentReading, Answer, EngineReading, HubReading, IdentityReading, Readings } from './readings.ts';

export type DoctorOptions = {
  /** Of the agent; undefined when none was named. */
  dataDirectory: string | undefined;
};
export type DoctorParts = {
  host: Host;
  clock: Clock;
  facts: HostFacts;
  describeEngine: () => Promise<EngineReading>;
  /** Process id of the agent that has the data directory. */
  lockHolder: (directory: string) => Promise<number | undefined>;
  loadIdentity: (directory: string) => Promise<IdentityReading | undefined>;
};

/** What every check says of this device. Nothing is changed. */
export async function diagnose(options: DoctorOptions, parts: DoctorParts): Promise<NamedFinding[]> {
  return examine(await readAll(options, parts));
}

async function readAll({ dataDirectory }: DoctorOptions, parts: DoctorParts): Promise<Readings> {
  const { host, clock, facts } = parts;
  const [device, firmware, floorMs, system, engine, agent] = await Promise.all([
    readDevice(host, dataDirectory ?? '/'),
    askFirmware(host),
    readTimeFloor(host, dataDirectory),
    readSystem(host, facts.kernelVersion, facts.addresses),
    answerOf(parts.describeEngine()),
    dataDirectory === undefined ? undefined : readAgent(dataDirectory, parts),
  ]);
  const identity = agent !== undefined && 'value' in agent.identity ? agent.identity.value : undefined;
  return {
    // The firmware's own program knows what Debian's kernel leaves out.
    device: { ...device, power: firmware ?? device.power },
    clock: { nowMs: clock.nowMs(), floorMs, hubDifferenceMs: undefined },
    system,
    engine,
    agent,
    hub: identity && (await readHub(identity)),
  };
}

async function answerOf<T>(work: Promise<T>): Promise<Answer<T>> {
  try {
    return { value: await work };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

async function readAgent(directory: string, { lockHolder, loadIdentity }: DoctorParts): Promise<AgentReading> {
  const [pid, identity] = await Promise.all([
    lockHolder(directory).catch(() => undefined),
    answerOf(loadIdentity(directory).then(requireWhole)),
  ]);
  return { pid, identity };
}

const identityFields = ['nodeName', 'hubUrl', 'certificate', 'key', 'authority'] as const;

/** A file that someone has edited is no identity. @throws Error */
function requireWhole(identity: IdentityReading | undefined): IdentityReading | undefined {
  if (identity === undefined) return undefined;
  const missing = identityFields.filter((field) => typeof identity[field] !== 'string');
  if (missing.length > 0) throw new Error(`identity.json is damaged: it has no ${missing.join(', ')}`);
  if (!URL.canParse(identity.hubUrl))
    throw new Error(`identity.json is damaged: hubUrl: expected mqtts://HOST:PORT, found ${identity.hubUrl}`);
  return identity;
}

/** The port of MQTT over TLS, https://www.iana.org/assignments/service-names-port-numbers (secure-mqtt). */
const mqttsPort = 8883;

async function readHub({ hubUrl, authority }: IdentityReading): Promise<HubReading> {
  const { hostname, port: portText } = new URL(hubUrl);
  const host = hostname.replace(/^\[|\]$/g, '');
  const port = portText === '' ? mqttsPort : Number(portText);
  const isAddress = host.includes(':') || /^[\d.]+$/.test(host);
  const addresses = isAddress ? undefined : await answerOf(resolveName(host));
  try {
    const protocol = await shakeHands(host, port, authority, hubTimeoutMs);
    return { host, port, addresses, handshake: { value: { protocol } } };
  } catch (error) {
    const noConnection = !(error instanceof HandshakeError);
    return { host, port, addresses, handshake: { error: (error as Error).message, noConnection } };
  }
}
