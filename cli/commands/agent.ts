// skerry agent: runs a node.
import { resolve } from 'node:path';
import { type AgentMainOptions, RefusedError, startAgent, startDevice, uninstallAgent } from '../../agent/main.ts';
import { dnsSubdomainError } from '../../api/meta/names.ts';
import { type Command, untilSignalled, version } from '../command.ts';
import { CommandError, UsageError } from '../errors.ts';
import type { OptionSpecs, Options } from '../options.ts';

const defaultSocket = '/var/run/docker.sock';

export const engineOptions: OptionSpecs = {
  runtime: { description: 'docker (also for Podman), or cri (not built yet)', value: 'NAME', default: 'docker' },
  'runtime-endpoint': { description: "the engine's socket", value: 'SOCKET', default: defaultSocket },
};

/** For an agent in a container, which has the device's own mounted elsewhere. */
export const hostOptions: OptionSpecs = {
  'host-root': { description: "directory below which the device's /proc and /sys are", value: 'DIR', default: '/' },
};

const options: OptionSpecs = {
  'data-dir': { description: 'where the agent keeps its data', value: 'DIR' },
  hub: { description: 'address of the hub; needed to join', value: 'mqtts://HOST:PORT' },
  token: { description: 'join token from skerry token create; needed to join', value: 'TOKEN' },
  'node-name': { description: "name of this node (default: the machine's name)", value: 'NAME' },
  ...engineOptions,
  'device-config': {
    description: "run as a device's firmware: skerry.yaml says which hub, name, network",
    value: 'FILE',
  },
  'device-hooks': {
    description: 'programs of the firmware: apply-config, report, confirm-boot, set-clock',
    value: 'DIR',
    default: '/usr/lib/skerry',
  },
  'device-run-dir': { description: 'where apply-config finds its files', value: 'DIR', default: '/run/skerry' },
  'hardware-id': { description: 'tells this device from all others (default: what its hardware says)', value: 'ID' },
  'node-status-update-frequency': {
    description: 'how often the agent looks at the device itself: supply, heat, disks, clock',
    value: 'DURATION',
    default: '60s',
  },
  ...hostOptions,
  keepalive: { description: 'how often an idle connection says that it lives', value: 'DURATION', default: '60s' },
  uninstall: { description: 'remove all containers, the network and the data of this agent, and leave' },
  'log-level': { description: 'debug, info, warn or error', value: 'LEVEL', default: 'info' },
};

/** Path of the engine's socket. @throws UsageError, CommandError */
export function engineSocket(values: Options): string {
  const runtime = values.get('runtime');
  if (runtime === 'cri') throw new CommandError('--runtime cri is not built yet: use docker');
  if (runtime !== 'docker') throw new UsageError(`--runtime: expected docker or cri, found ${JSON.stringify(runtime)}`);
  return values.require('runtime-endpoint').replace(/^unix:\/\//, '');
}

function readOptions(values: Options): AgentMainOptions {
  const nodeName = values.get('node-name');
  const problem = nodeName === undefined ? undefined : dnsSubdomainError(nodeName);
  if (problem !== undefined) throw new UsageError(`--node-name: ${problem}`);
  const hubUrl = values.get('hub');
  if (hubUrl !== undefined && !/^mqtts:\/\/[^/]+$/.test(hubUrl))
    throw new UsageError(`--hub: expected mqtts://HOST:PORT, found ${JSON.stringify(hubUrl)}`);
  const keepaliveMs = values.duration('keepalive');
  if (keepaliveMs < 1000 || keepaliveMs > 3_600_000) throw new UsageError('--keepalive: expected from 1s to 1h');
  const statusIntervalMs = values.duration('node-status-update-frequency');
  if (statusIntervalMs < 1000) throw new UsageError('--node-status-update-frequency: expected 1s or more');
  return {
    version,
    dataDirectory: resolve(values.require('data-dir')),
    hubUrl,
    token: values.get('token'),
    nodeName,
    onPending: (request) =>
      process.stderr.write(`skerry: waits to be approved: kubectl certificate approve ${request}\n`),
    runtimeEndpoint: engineSocket(values),
    keepaliveSeconds: Math.round(keepaliveMs / 1000),
    statusIntervalMs,
    hostRoot: resolve(values.require('host-root')),
    logLevel: values.require('log-level'),
  };
}

/** Runs until it is interrupted, or has to be started again with another identity. */
async function runDevice(values: Options): Promise<number> {
  const stray = ['hub', 'token', 'node-name'].find((name) => values.get(name) !== undefined);
  if (stray !== undefined) throw new UsageError(`--${stray}: with --device-config it stands in that file`);
  const hardwareId = values.get('hardware-id');
  if (hardwareId !== undefined && !/^[\w.-]{1,128}$/.test(hardwareId))
    throw new UsageError('--hardware-id: expected 1 to 128 letters, digits, _, - and .');
  const device = await startDevice({
    ...readOptions(values),
    hardwareId,
    configPath: resolve(values.require('device-config')),
    hooksDirectory: resolve(values.require('device-hooks')),
    runDirectory: resolve(values.require('device-run-dir')),
    say: (line) => process.stderr.write(`skerry: ${line}\n`),
    onReady: (nodeName) => process.stdout.write(`skerry agent ready node=${nodeName}\n`),
  });
  await Promise.race([untilSignalled(), device.ended]);
  await device.stop();
  return 0;
}

export const agentCommand: Command = {
  summary: 'Runs this machine as a node: its pods, with the hub and without it.',
  usage: '--data-dir DIR [--hub mqtts://HOST:PORT --token TOKEN | --device-config FILE] [options]',
  options,
  run: async (values) => {
    const parsed = readOptions(values);
    if (values.has('uninstall')) {
      await uninstallAgent(parsed);
      return 0;
    }
    if (values.get('device-config') !== undefined) return runDevice(values);
    try {
      const agent = await startAgent(parsed);
      // Without the hub the pods run all the same: a start is complete when they are looked after.
      process.stdout.write(`skerry agent ready node=${agent.nodeName}\n`);
      await untilSignalled();
      await agent.stop();
      return 0;
    } catch (error) {
      if (error instanceof RefusedError) throw new CommandError(error.message, { exitCode: 2, cause: error });
      throw error;
    }
  },
};
