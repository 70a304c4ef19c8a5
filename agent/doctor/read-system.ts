// Reads what only the doctor asks for: what the kernel can do for containers,
// who keeps the clock, the watchdog, and the network's state.
import type { Host } from '../../platform/host.ts';
import { type KernelFeature, kernelFeatures, type SystemReadings } from './readings.ts';

/** Options of the kernel's configuration, where the feature's own name is another. */
const options: Record<KernelFeature, string> = {
  overlay: 'CONFIG_OVERLAY_FS',
  bridge: 'CONFIG_BRIDGE',
  veth: 'CONFIG_VETH',
  nf_tables: 'CONFIG_NF_TABLES',
  ip_tables: 'CONFIG_IP_NF_IPTABLES',
};

export async function readSystem(host: Host, kernelVersion: string, addresses: string[]): Promise<SystemReadings> {
  const [cgroups, features, namespaces, synchronized, watchdog, interfaces, defaultRoute, resolver] = await Promise.all(
    [
      readCgroups(host),
      readFeatures(host, kernelVersion),
      host.list('/proc/self/ns'),
      readSynchronized(host),
      readWatchdog(host),
      readInterfaces(host),
      hasDefaultRoute(host),
      host.read('/etc/resolv.conf'),
    ],
  );
  const nameServers = [...(resolver ?? '').matchAll(/^\s*nameserver\s+(\S+)/gm)].map((match) => match[1] ?? '');
  return {
    cgroups,
    features,
    namespaces,
    synchronized,
    watchdog,
    interfaces,
    addresses,
    defaultRoute,
    nameServers,
  };
}

/** https://docs.kernel.org/admin-guide/cgroup-v2.html; with the other version /proc/cgroups has the controllers. */
async function readCgroups(host: Host): Promise<SystemReadings['cgroups']> {
  const [controllers, table, mounts] = await Promise.all([
    host.read('/sys/fs/cgroup/cgroup.controllers'),
    host.read('/proc/cgroups'),
    host.read('/proc/mounts'),
  ]);
  if (controllers !== undefined) return { version: 2, memory: controllers.split(/\s+/).includes('memory') };
  const [, , , enabled] = /^memory\s+(\d+)\s+(\d+)\s+(\d+)/m.exec(table ?? '') ?? [];
  const isMounted = /^\S+ \S+ cgroup /m.test(mounts ?? '');
  return { version: isMounted ? 1 : undefined, memory: enabled === '1' };
}

async function readFeatures(host: Host, kernelVersion: string): Promise<SystemReadings['features']> {
  const modules = `/lib/modules/${kernelVersion}`;
  const [fileSystems, loaded, builtIn, loadable, configuration] = await Promise.all([
    host.read('/proc/filesystems'),
    host.list('/sys/module'),
    host.read(`${modules}/modules.builtin`),
    host.read(`${modules}/modules.dep`),
    host.read('/proc/config.gz'),
  ]);
  const canTell = builtIn !== undefined || loadable !== undefined || configuration !== undefined;
  const has = (feature: KernelFeature): boolean => {
    if (loaded.includes(feature)) return true;
    if (feature === 'overlay' && /\boverlay$/m.test(fileSystems ?? '')) return true;
    const file = new RegExp(`/${feature}\\.ko`, 'm');
    if (file.test(builtIn ?? '') || file.test(loadable ?? '')) return true;
    // A module that is not on the disk can't be loaded: here only what is built in counts.
    return new RegExp(`^${options[feature]}=y$`, 'm').test(configuration ?? '');
  };
  return Object.fromEntries(
    kernelFeatures.map((feature) => [feature, has(feature) || (canTell ? false : undefined)]),
  ) as SystemReadings['features'];
}

/** systemd-timesyncd leaves a file; others are asked of the kernel, by the program that the system has. */
async function readSynchronized(host: Host): Promise<SystemReadings['synchronized']> {
  if ((await host.list('/run/systemd/timesync')).includes('synchronized'))
    return { yes: true, by: 'systemd-timesyncd' };
  const answer = await host.run('timedatectl', ['show', '--property=NTPSynchronized', '--value']);
  if (answer === 'yes' || answer === 'no') return { yes: answer === 'yes', by: 'timedatectl' };
  const kernel = await host.run('busybox', ['adjtimex']);
  const status = /^\s*status:\s+(\d+)/m.exec(kernel ?? '')?.[1];
  // STA_UNSYNC of adjtimex(2).
  return status === undefined ? undefined : { yes: (Number(status) & 0x40) === 0, by: 'the kernel' };
}

/** https://docs.kernel.org/watchdog/watchdog-kernel-api.html */
async function readWatchdog(host: Host): Promise<SystemReadings['watchdog']> {
  const [name] = await host.list('/sys/class/watchdog');
  if (name === undefined) return undefined;
  const path = `/sys/class/watchdog/${name}`;
  const [identity, state, timeout] = await Promise.all(
    ['identity', 'state', 'timeout'].map((file) => host.read(`${path}/${file}`)),
  );
  const timeoutSeconds = timeout === undefined ? undefined : Number(timeout);
  return { name: identity ?? name, active: state === 'active', timeoutSeconds };
}

/** Without loopback, and without those that engines make for containers. */
async function readInterfaces(host: Host): Promise<SystemReadings['interfaces']> {
  const names = (await host.list('/sys/class/net')).filter(
    (name) => !/^(lo|docker\d|podman\d|br-|veth|ifb)/.test(name),
  );
  return Promise.all(
    names.map(async (name) => {
      // Drivers that can't tell say `unknown` while they carry: RFC 2863 as the kernel has it.
      const state = await host.read(`/sys/class/net/${name}/operstate`);
      return { name, up: state === 'up' || state === 'unknown' };
    }),
  );
}

async function hasDefaultRoute(host: Host): Promise<boolean> {
  const [routes, routes6] = await Promise.all([host.read('/proc/net/route'), host.read('/proc/net/ipv6_route')]);
  if (/^\S+\t00000000\t[0-9A-F]{8}\t\S+\t\d+\t\d+\t\d+\t00000000\t/m.test(routes ?? '')) return true;
  // Routes of loopback are there on every machine, also as the one that refuses.
  return (routes6 ?? '').split('\n').some((line) => /^0{32} 00 /.test(line) && !/\slo$/.test(line));
}
