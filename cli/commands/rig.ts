// skerry rig: devices emulated by QEMU that boot the very images that boards are
// flashed with, and what happens to devices: cables pulled, power cut, slow links,
// wrong clocks.
import { spawn } from 'node:child_process';
import { createReadStream, existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isHubUrl } from '../../api/device/config.ts';
import { dnsSubdomainError } from '../../api/meta/names.ts';
import { adminKubeconfigFile, mqttUrlFile } from '../../api/wire/hub-files.ts';
import { type BoardName, boardNames } from '../../firmware-images/manifest.ts';
import { type Kubeconfig, readKubeconfig } from '../api.ts';
import type { Command } from '../command.ts';
import { CommandError, UsageError } from '../errors.ts';
import { createToken } from '../join-token.ts';
import type { OptionSpecs, Options } from '../options.ts';
import {
  devicePaths,
  listDevices,
  pathProblem,
  type RigDevice,
  readDevice,
  rigPaths,
  writeDevice,
} from '../rig/device.ts';
import { findImage, openRigImage } from '../rig/disk.ts';
import { checkNamesFree, forgetNodes, waitReady } from '../rig/hub.ts';
import * as limits from '../rig/limits.ts';
import { updateLinks } from '../rig/link-control.ts';
import { fixedSize, hasClock, requirements, sshArguments } from '../rig/machine.ts';
import { cutPower, isOn, powerOn, reset, setLinkCut } from '../rig/power.ts';
import { checkRequirements, killProcesses } from '../rig/processes.ts';
import { rateText, readRate } from '../rig/shaping.ts';
import { makeDevices, missingNames } from '../rig/up.ts';

const defaultHub = 'mqtts://127.0.0.1:8883';
const tokenTtlMs = 24 * 3_600_000;

const options: OptionSpecs = {
  'rig-dir': { description: 'where the rig is kept', value: 'DIR', default: join(homedir(), '.skerry/rig') },
  board: { description: `up: one of ${boardNames.join(', ')}`, value: 'BOARD' },
  count: { description: 'up: how many devices the rig shall have', value: 'N', default: '1' },
  image: { description: 'up: image of the board (default: the newest in ./images)', value: 'FILE' },
  'data-dir': { description: 'up: data directory of a hub on this machine, which gives the token', value: 'DIR' },
  hub: { description: `up: the hub (default: the one of --data-dir, else ${defaultHub})`, value: 'URL' },
  token: { description: 'up: join token, when there is no --data-dir', value: 'TOKEN' },
  'name-prefix': { description: 'up: devices are named by it and a number', value: 'P', default: 'rig' },
  memory: { description: 'up: MiB a device (default 1024)', value: 'MIB' },
  cpus: { description: 'up: processors a device (default 2; what the model has)', value: 'N' },
  disk: { description: 'up: GiB a card (a sparse file)', value: 'GIB', default: '4' },
  rtc: { description: 'up: where the clock of new devices stands at each start (RFC 3339)', value: 'TIME' },
  'no-wait': { description: 'up: do not wait until the nodes are Ready' },
  timeout: { description: 'up: how long to wait for them', value: 'DURATION', default: '15m' },
  rate: { description: 'slow: bits a second each way, such as 64kbit; 0 for no limit', value: 'RATE' },
  delay: { description: 'slow: each way, such as 300ms; 0s for none', value: 'DURATION' },
  set: { description: 'clock: time from which it starts (RFC 3339), or host', value: 'TIME' },
  hard: { description: 'reboot: by the reset button instead of an orderly end' },
};

function numberOf(values: Options, name: string, least: number, most: number, otherwise?: number): number {
  const text = otherwise === undefined ? values.require(name) : (values.get(name) ?? String(otherwise));
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && number <= most) return number;
  throw new UsageError(`--${name}: expected a number from ${least} to ${most}, found ${JSON.stringify(text)}`);
}

/** What QEMU takes: without a zone, in UTC. @throws UsageError */
function clockOf(name: string, text: string): string {
  const time = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?Z?)?$/.test(text)
    ? new Date(text.replace(/(:\d\d)$/, '$1Z'))
    : undefined;
  if (time === undefined || Number.isNaN(time.getTime()))
    throw new UsageError(
      `--${name}: expected a time such as 1970-01-01 or 2031-05-01T12:00:00Z, found ${JSON.stringify(text)}`,
    );
  return time.toISOString().slice(0, 19);
}

function boardOf(values: Options): BoardName {
  const given = values.require('board');
  const board = boardNames.find((name) => name === given);
  if (board !== undefined) return board;
  throw new UsageError(`--board: expected one of ${boardNames.join(', ')}, found ${JSON.stringify(given)}`);
}

/** Memory and processors of new devices, and the size of their cards. @throws UsageError */
function sizeOf(values: Options, board: BoardName): { memoryMib: number; cpus: number; diskGib: number } {
  const fixed = fixedSize(board);
  const diskGib = numberOf(values, 'disk', limits.minimumDiskGib, limits.maximumDiskGib);
  if (fixed !== undefined && !Number.isInteger(Math.log2(diskGib)))
    throw new UsageError(`--disk: expected a power of two for ${board}, found ${diskGib}`);
  const { memoryMib = limits.minimumMemoryMib, cpus = 1 } = fixed ?? {};
  const most = fixed ?? { memoryMib: limits.maximumMemoryMib, cpus: limits.maximumCpus };
  const usual = fixed ?? limits.usualSize;
  return {
    memoryMib: numberOf(values, 'memory', memoryMib, most.memoryMib, usual.memoryMib),
    cpus: numberOf(values, 'cpus', cpus, most.cpus, usual.cpus),
    diskGib,
  };
}

function requireClock(option: string, board: BoardName): void {
  if (!hasClock(board)) throw new UsageError(`--${option}: ${board} has no clock that runs while it is off`);
}

function hubOf(values: Options): { host: string; port: number } {
  const text = values.get('hub') ?? knownHub(values.get('data-dir')) ?? defaultHub;
  if (!isHubUrl(text)) throw new UsageError(`--hub: expected mqtts://HOST:PORT, found ${JSON.stringify(text)}`);
  const { hostname, port } = new URL(text);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 8883 : Number(port) };
}

/** Where the broker of a hub on this machine was last. */
function knownHub(dataDirectory: string | undefined): string | undefined {
  if (dataDirectory === undefined) return undefined;
  const file = join(resolve(dataDirectory), mqttUrlFile);
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
}

function namesOf(values: Options, rigDirectory: string): string[] {
  const [count, prefix] = [numberOf(values, 'count', 1, limits.maximumDevices), values.require('name-prefix')];
  const names = Array.from({ length: count }, (_, index) => `${prefix}-${index + 1}`);
  const longest = names.at(-1) ?? '';
  const problem = dnsSubdomainError(longest);
  if (problem !== undefined) throw new UsageError(`--name-prefix: ${problem}`);
  const tooLong = pathProblem(rigDirectory, longest);
  if (tooLong !== undefined) throw new UsageError(tooLong);
  return names;
}

async function up(values: Options, rigDirectory: string): Promise<void> {
  const board = boardOf(values);
  const names = namesOf(values, rigDirectory);
  const dataDirectory = values.get('data-dir');
  const kubeconfig = dataDirectory === undefined ? undefined : join(resolve(dataDirectory), adminKubeconfigFile);
  const hub = kubeconfig === undefined ? undefined : readKubeconfig(kubeconfig);
  const rtc = values.get('rtc');
  if (rtc !== undefined) requireClock('rtc', board);
  const newDevices = {
    board,
    ...sizeOf(values, board),
    hub: hubOf(values),
    kubeconfig,
    clock: rtc === undefined ? undefined : clockOf('rtc', rtc),
  };
  checkRequirements(requirements(board));
  const missing = missingNames(rigDirectory, names, board);
  if (missing.length > 0) {
    const image = await openRigImage(values.get('image') ?? findImage(resolve('images'), board), board);
    const token = await tokenFor(values, hub, missing);
    await makeDevices(rigDirectory, missing, { image, token, options: newDevices });
  }
  const began = performance.now();
  for (const name of names) await powerOn(rigDirectory, readDevice(rigDirectory, name));
  const tell = (name: string, state: string): boolean => {
    const { sshPort } = readDevice(rigDirectory, name);
    return process.stdout.write(
      `${name} ${state} after ${Math.round((performance.now() - began) / 1000)} s, ssh port ${sshPort}\n`,
    );
  };
  if (values.has('no-wait') || hub === undefined) for (const name of names) tell(name, 'on');
  else
    await waitReady(hub, names, {
      timeoutMs: values.duration('timeout'),
      tell: (name) => tell(name, 'Ready'),
    });
}

async function tokenFor(values: Options, hub: Kubeconfig | undefined, names: readonly string[]): Promise<string> {
  if (hub === undefined) return values.require('token');
  await checkNamesFree(hub, names);
  return values.get('token') ?? createToken(hub, { ttlMs: tokenTtlMs, uses: names.length });
}

function linkText({ cut, bytesPerSecond, delayMs }: RigDevice['link']): string {
  const rate = bytesPerSecond === undefined ? [] : [rateText(bytesPerSecond)];
  const delay = delayMs === undefined ? [] : [`+${delayMs}ms`];
  return [cut ? 'cut' : 'up', ...rate, ...delay].join(',');
}

function list(rigDirectory: string): void {
  const row = (...cells: string[]): boolean =>
    process.stdout.write(
      `${cells
        .map((cell) => cell.padEnd(14))
        .join(' ')
        .trimEnd()}\n`,
    );
  row('NAME', 'BOARD', 'POWER', 'LINK', 'CLOCK', 'SSH', 'HUB');
  for (const device of listDevices(rigDirectory)) {
    const power = isOn(devicePaths(rigDirectory, device.name)) ? 'on' : 'off';
    const clock = device.clock ?? 'host';
    row(
      device.name,
      device.board,
      power,
      linkText(device.link),
      clock,
      String(device.sshPort),
      `${device.hub.host}:${device.hub.port}`,
    );
  }
}

/** What was on the console, and, while it is on, what comes. */
async function showConsole(rigDirectory: string, device: RigDevice): Promise<void> {
  const paths = devicePaths(rigDirectory, device.name);
  if (existsSync(paths.console)) await pipeline(createReadStream(paths.console), process.stdout, { end: false });
  if (!isOn(paths) || !process.stdout.isTTY) return;
  const socket = createConnection(paths.consoleSocket);
  process.stdin.pipe(socket);
  await pipeline(socket, process.stdout, { end: false });
}

/** @returns ssh's exit code */
async function ssh(rigDirectory: string, device: RigDevice, command: readonly string[]): Promise<number> {
  const paths = devicePaths(rigDirectory, device.name);
  if (!isOn(paths)) throw new CommandError(`${device.name} is off`);
  const args = [...sshArguments(device, paths, rigPaths(rigDirectory).key), ...command];
  const child = spawn('ssh', args, { stdio: 'inherit' });
  return new Promise((resolveCode, reject) => {
    child.once('error', (error) => reject(new CommandError(`ssh: ${error.message}`, { cause: error })));
    child.once('close', (code) => resolveCode(code ?? 1));
  });
}

async function slow(values: Options, rigDirectory: string, { link, ...device }: RigDevice): Promise<void> {
  const [rate, delay] = [values.get('rate'), values.get('delay')];
  if (rate === undefined && delay === undefined) throw new UsageError('slow: --rate or --delay is required');
  const bytesPerSecond = rate === undefined ? link.bytesPerSecond : rate === '0' ? undefined : readRate(rate);
  if (rate !== undefined && rate !== '0' && bytesPerSecond === undefined)
    throw new UsageError(`--rate: expected a rate such as 64kbit or 2Mbit, or 0, found ${JSON.stringify(rate)}`);
  const delayMs = delay === undefined ? (link.delayMs ?? 0) : values.duration('delay');
  if (delayMs > limits.maximumDelayMs)
    throw new UsageError(`--delay: expected at most ${limits.maximumDelayMs / 1000}s`);
  const changed = { cut: link.cut, ...(bytesPerSecond && { bytesPerSecond }), ...(delayMs > 0 && { delayMs }) };
  writeDevice(rigDirectory, { ...device, link: changed });
  await updateLinks(rigDirectory);
}

/** A clock is read at the start: the device is switched off and on. */
async function setClock(values: Options, rigDirectory: string, { clock: _, ...device }: RigDevice): Promise<void> {
  const time = values.require('set');
  requireClock('set', device.board);
  const changed: RigDevice = time === 'host' ? device : { ...device, clock: clockOf('set', time) };
  const wasOn = isOn(devicePaths(rigDirectory, device.name));
  await cutPower(rigDirectory, device.name);
  writeDevice(rigDirectory, changed);
  if (wasOn) await powerOn(rigDirectory, changed);
}

async function reboot(values: Options, rigDirectory: string, device: RigDevice): Promise<number> {
  // It answers before it goes.
  const softly = 'setsid sh -c "sleep 1; reboot" </dev/null >/dev/null 2>&1 &';
  if (!values.has('hard')) return ssh(rigDirectory, device, [softly]);
  await reset(rigDirectory, device.name);
  return 0;
}

/** Takes the rig away: processes, disks, and the nodes that its devices were. */
async function down(rigDirectory: string): Promise<void> {
  const devices = listDevices(rigDirectory);
  for (const { name } of devices) await cutPower(rigDirectory, name);
  const { linkPid, linkSocket, linkLog, key, devices: folder } = rigPaths(rigDirectory);
  await killProcesses([linkPid]);
  for (const path of [folder, linkSocket, linkLog, key, `${key}.pub`]) rmSync(path, { recursive: true, force: true });
  // What its owner has put there stays, and the directory with it.
  if (existsSync(rigDirectory) && readdirSync(rigDirectory).length === 0) rmdirSync(rigDirectory);
  const hubs = Map.groupBy(devices, ({ kubeconfig }) => kubeconfig);
  for (const [kubeconfig, nodes] of hubs) {
    if (kubeconfig === undefined || !existsSync(kubeconfig)) continue;
    const names = nodes.map(({ name }) => name);
    await forgetNodes(readKubeconfig(kubeconfig), names).catch((error: Error) =>
      process.stderr.write(`note: ${names.join(', ')} stay nodes of the hub: ${error.message}\n`),
    );
  }
}

type Action = (values: Options, rigDirectory: string, device: RigDevice) => Promise<unknown>;

/** What is done to one device; what comes of it is the exit code, if it is a number. */
const actions: Record<string, Action> = {
  console: (_, rigDirectory, device) => showConsole(rigDirectory, device),
  ssh: (values, rigDirectory, device) => ssh(rigDirectory, device, values.words.slice(2)),
  cut: (_, rigDirectory, device) => setLinkCut(rigDirectory, device, true),
  heal: (_, rigDirectory, device) => setLinkCut(rigDirectory, device, false),
  'power-cut': (_, rigDirectory, device) => cutPower(rigDirectory, device.name),
  'power-on': (_, rigDirectory, device) => powerOn(rigDirectory, device),
  reboot,
  slow,
  clock: setClock,
};

export const rigCommand: Command = {
  summary: 'Emulates a fleet of devices from an image, and what happens to devices.',
  usage: `up --board BOARD --count N | list | down | ${Object.keys(actions).join('|')} NAME`,
  options,
  run: async (values) => {
    const rigDirectory = resolve(values.require('rig-dir'));
    const [verb = '', name] = values.words;
    const action = Object.hasOwn(actions, verb) ? actions[verb] : undefined;
    if (verb === 'up') await up(values, rigDirectory);
    else if (verb === 'list') list(rigDirectory);
    else if (verb === 'down') await down(rigDirectory);
    else if (action === undefined)
      throw new UsageError(
        `expected up, list, down, ${Object.keys(actions).join(', ')}, found ${JSON.stringify(verb)}`,
      );
    else if (name === undefined) throw new UsageError(`${verb}: expected the name of a device`);
    else {
      const result = await action(values, rigDirectory, readDevice(rigDirectory, name));
      if (typeof result === 'number') return result;
    }
    return 0;
  },
};
