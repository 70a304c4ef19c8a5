// What the program knows of the machine it runs on, and the way it runs other programs.
import { execFile } from 'node:child_process';
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

export type CommandResult = { code: number; stdout: string; stderr: string };

/** Runs a program to its end; never rejects for a non-zero exit. */
export function runCommand(command: string, args: string[], options: { timeoutMs: number }): Promise<CommandResult> {
  return new Promise((resolve) => {
    execFile(command, args, { timeout: options.timeoutMs, maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 127;
      resolve({ code, stdout, stderr: stderr === '' && error !== null ? error.message : stderr });
    });
  });
}
