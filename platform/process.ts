// What the program knows of the machine it runs on.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, hostname, networkInterfaces, release, totalmem } from 'node:os';

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

/**
 * The words that start this program again: Node, its options and the script, or the program alone when it is a
 * single executable. There Node repeats the word it was called by where else the script's path stands.
 */
export function ownCommand(): [program: string, ...args: string[]] {
  const script = process.argv[1];
  if (script === undefined || script === process.argv0) return [process.execPath];
  return [process.execPath, ...process.execArgv, script];
}

export type ProgramOptions = {
  /** What the program reads; nothing when it is missing. */
  input?: string;
  timeoutMs: number;
  /** Bytes of the program's output that are kept: the last ones. */
  outputBytes: number;
};
export type ProgramResult = {
  /** undefined when a signal ended the program, or time ran out. */
  code: number | undefined;
  /** What it wrote to stdout and stderr. */
  output: string;
};

/** Runs a program to its end. Rejects when it can't be started. */
export function runProgram(path: string, args: readonly string[], options: ProgramOptions): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output = (output + chunk.toString()).slice(-options.outputBytes);
      });
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? undefined, output });
    });
    // A program that does not read its input is no error.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });
}

/** Ends a process at once, if it is there. */
export function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** Processor time that this machine has spent since it started, ms of one core, and memory that it can't give back. */
export function readHostUsage(): { busyMs: number; memoryBytes: number } {
  const busyMs = cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0);
  const available = /^MemAvailable:\s+(\d+) kB/m.exec(readLine('/proc/meminfo'))?.[1];
  return { busyMs, memoryBytes: totalmem() - Number(available ?? 0) * 1024 };
}
