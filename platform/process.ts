// What the program knows of the machine it runs on.
import { readFileSync } from 'node:fs';
import { arch, availableParallelism, hostname, networkInterfaces, release, totalmem } from 'node:os';

export type HostFacts = {
  hostname: string;
  /** GOARCH name, as Kubernetes labels nodes: amd64, arm64, arm. */
  architecture: string;
  kernelVersion: string;
  osImage: string;
  machineId: string;
  bootId: string;
  cpuCount: number;
  memoryBytes: number;
  /** Addresses of this machine, without loopback; IPv4 first. */
  addresses: string[];
};

const goArchitectures: Record<string, string> = { x64: 'amd64', arm64: 'arm64', arm: 'arm' };

function readLine(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

/** Facts of this machine, read now. */
export function readHostFacts(): HostFacts {
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((address) => !address.internal && !address.address.startsWith('fe80:'))
    .sort((a, b) => (a.family === b.family ? 0 : a.family === 'IPv4' ? -1 : 1))
    .map((address) => address.address);
  return {
    hostname: hostname(),
    architecture: goArchitectures[arch()] ?? arch(),
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)/m.exec(readLine('/etc/os-release'))?.[1] ?? 'unknown',
    machineId: readLine('/etc/machine-id'),
    bootId: readLine('/proc/sys/kernel/random/boot_id'),
    cpuCount: availableParallelism(),
    memoryBytes: totalmem(),
    addresses,
  };
}
