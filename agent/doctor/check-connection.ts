// Checks of what the agent needs around it: the engine, its own identity, the
// network, the hub. Pure, but for the mathematics of certificates.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { nodeUser } from '../../api/meta/operation.ts';
import { type Finding, notApplicable, ok, problem, warning } from './finding.ts';
import type { IdentityReading, Readings } from './readings.ts';

const noDirectory = notApplicable('no data directory was named: --data-dir');

export function checkEngine({ engine }: Readings): Finding {
  if ('error' in engine)
    return problem(
      `the container engine does not answer: ${engine.error}`,
      'start it (docker, or podman.socket), or name its socket with --runtime-endpoint',
    );
  const { name, version, cgroupDriver, cgroupVersion, storageDriver } = engine.value;
  const seen = `${name} ${version}, cgroup driver ${cgroupDriver} (v${cgroupVersion}), storage driver ${storageDriver}`;
  if (storageDriver === 'vfs')
    return warning(seen, 'vfs copies an image for each container: use overlay2, on ext4 or xfs');
  return ok(seen);
}

export function checkAgent({ agent }: Readings): Finding {
  if (agent === undefined) return noDirectory;
  if (agent.pid !== undefined) return ok(`runs as process ${agent.pid}`);
  return problem(
    'no agent runs with this data directory',
    'start it: "systemctl start skerry-agent", or "skerry agent --data-dir DIR"',
  );
}

export function checkIdentity({ agent, device: { directory } }: Readings): Finding {
  if (agent === undefined) return noDirectory;
  const { identity } = agent;
  if ('error' in identity)
    return problem(identity.error, 'run the doctor as the user that the agent runs as, or join again with a token');
  if (identity.value === undefined)
    return problem(
      `no identity.json in ${directory}: this device has not joined a cluster`,
      'give it a token (skerry token create) with "skerry agent --hub URL --token TOKEN" or in skerry.yaml',
    );
  return ok(`node ${identity.value.nodeName} of ${identity.value.hubUrl}`);
}

/**
 * Certificates are valid from 1970 to 2099, since a device's clock is not to be trusted (docs/adr/0004), so that
 * their dates say nothing: what counts is who signed them, for whom, and whether the key is theirs.
 */
export function checkCertificate({ agent }: Readings): Finding {
  const identity = identityOf(agent);
  if (identity === undefined) return withoutIdentity(agent);
  const mend = 'remove identity.json from the data directory and join again with a token for this node';
  const wrong = certificateError(identity);
  return wrong === undefined
    ? ok('signed by the authority, for this node, and the key fits; its dates mean nothing')
    : problem(wrong, mend);
}

function certificateError({ certificate, key, authority, nodeName }: IdentityReading): string | undefined {
  try {
    const own = new X509Certificate(certificate);
    const signer = new X509Certificate(authority);
    if (!own.checkIssued(signer) || !own.verify(signer.publicKey))
      return 'the certificate is not signed by the authority that this device trusts';
    if (!own.checkPrivateKey(createPrivateKey(key))) return 'the key does not belong to the certificate';
    const { name } = nodeUser(nodeName);
    const subject = own.subject.split('\n');
    if (!subject.includes(`CN=${name}`)) return `the certificate is for ${subject.join(', ')}, not for ${name}`;
    return undefined;
  } catch (error) {
    return `certificate or key can not be read: ${(error as Error).message}`;
  }
}

function withoutIdentity(agent: Readings['agent']): Finding {
  if (agent === undefined) return noDirectory;
  return notApplicable(
    'error' in agent.identity ? 'the identity can not be read' : 'this device has not joined a cluster',
  );
}

function identityOf(agent: Readings['agent']): IdentityReading | undefined {
  return agent !== undefined && 'value' in agent.identity ? agent.identity.value : undefined;
}

export function checkNetwork({ system: { interfaces, addresses, defaultRoute } }: Readings): Finding {
  const up = interfaces.filter((item) => item.up).map(({ name }) => name);
  if (up.length === 0)
    return problem(
      interfaces.length === 0
        ? 'there is no network interface'
        : `no network is up: ${interfaces.map(({ name }) => name).join(', ')}`,
      'look at the cable, or at the name and password of the wireless network in skerry.yaml',
    );
  if (addresses.length === 0)
    return problem(
      `${up.join(', ')} up without an address`,
      'look at the DHCP server, or set staticAddress in skerry.yaml',
    );
  const seen = `${up.join(', ')} up with ${addresses.join(', ')}`;
  if (!defaultRoute)
    return warning(`${seen}, without a default route`, 'set a gateway, unless the hub is on the same network');
  return ok(`${seen}, with a default route`);
}

export function checkDns({ system: { nameServers }, hub }: Readings): Finding {
  const servers = nameServers.length === 0 ? 'no name server' : `name server ${nameServers.join(', ')}`;
  const mend = 'look at /etc/resolv.conf and the DHCP server, or name the hub by its address';
  if (hub?.addresses === undefined)
    return notApplicable(
      `no name has to be found: ${hub === undefined ? 'no hub is known' : 'the hub is named by its address'} (${servers})`,
    );
  if ('error' in hub.addresses) return problem(`${hub.host} is not found: ${hub.addresses.error} (${servers})`, mend);
  return ok(`${hub.host} is at ${hub.addresses.value.join(', ')}`);
}

export function checkHub({ agent, hub }: Readings): Finding {
  if (hub === undefined) return withoutIdentity(agent);
  const { host, port, handshake } = hub;
  const place = `${host}:${port}`;
  if ('value' in handshake)
    return ok(`${place} answers with a certificate of the authority, ${handshake.value.protocol}`);
  if (handshake.noConnection)
    return problem(
      `no connection to ${place}: ${handshake.error}`,
      `start the hub, and let TCP port ${port} out to it; pods run on meanwhile`,
    );
  return problem(
    `${place} is not the hub that this device joined: ${handshake.error}`,
    'look who answers at this address; if the hub was made anew, join again with a token',
  );
}
