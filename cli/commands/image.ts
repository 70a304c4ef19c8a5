// skerry image: builds the images that devices are flashed with, and looks at them.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { boards } from '../../firmware-images/boards.ts';
import { buildImage } from '../../firmware-images/build.ts';
import { listManifests, manifestPath, readManifestFile, verifyFiles } from '../../firmware-images/inspect.ts';
import { type BoardName, boardNames, type ImageManifest } from '../../firmware-images/manifest.ts';
import { preloadArchives } from '../../firmware-images/preload.ts';
import { type Command, version } from '../command.ts';
import { CommandError, UsageError } from '../errors.ts';
import { configurationOptions, readConfiguration } from '../flash/configuration.ts';
import { readKeys } from '../flash/keys.ts';
import { humanBytes, humanSeconds } from '../flash/text.ts';
import type { OptionSpecs, Options } from '../options.ts';
import { engineOptions, engineSocket } from './agent.ts';

// A single executable has no directory of its own, and no sources.
const checkout = join((import.meta.dirname as string | undefined) ?? '/nonexistent', '../..');
const packager = join(checkout, 'scripts/package.ts');

const options: OptionSpecs = {
  board: { description: `one of ${boardNames.join(', ')}`, value: 'BOARD' },
  output: { description: 'directory for the image and what stands beside it', value: 'DIR', default: 'images' },
  preload: {
    description:
      'container image that every device has from the start: an archive of docker save, or a name (several times)',
    value: 'IMAGE',
    multiple: true,
  },
  agent: { description: "the agent's executable (default: made from this checkout)", value: 'FILE' },
  'cache-dir': { description: 'where packages are kept between builds (default ~/.cache/skerry/images)', value: 'DIR' },
  mirror: { description: "Debian mirror (default: this machine's)", value: 'URL' },
  'no-compress': { description: 'make no .img.zst' },
  ...configurationOptions,
  ...engineOptions,
};

function boardOf(values: Options): BoardName {
  const given = values.get('board');
  const board = boardNames.find((name) => name === given);
  if (board !== undefined) return board;
  throw new UsageError(`--board: expected one of ${boardNames.join(', ')}, found ${JSON.stringify(given ?? '')}`);
}

/** Path of the executable for a board; made anew in a checkout, where it is what is being worked on. */
async function agentFor(board: BoardName, values: Options, progress: (step: string) => void): Promise<string> {
  const given = values.get('agent');
  if (given !== undefined) {
    if (!existsSync(given)) throw new UsageError(`--agent ${given}: is not there`);
    return resolve(given);
  }
  const architecture = boards[board].architecture.executable;
  if (!existsSync(packager))
    throw new UsageError(`--agent is required: the executable skerry-agent-linux-${architecture} of this release`);
  progress(`making the agent's executable for ${architecture}`);
  const child = spawn(process.execPath, [packager, '--only', 'agent', '--arch', architecture], {
    cwd: checkout,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const code = await new Promise((resolveCode) => child.once('close', resolveCode));
  if (code !== 0) throw new CommandError("the agent's executable could not be made: see above");
  return join(checkout, 'dist/packages', `skerry-agent-linux-${architecture}`);
}

async function build(values: Options): Promise<void> {
  const board = boardOf(values);
  const config = readConfiguration(values, readKeys(values.all('ssh-key')), 1) ?? {};
  const began = process.hrtime.bigint();
  const elapsed = (): number => Number(process.hrtime.bigint() - began) / 1e9;
  const progress = (step: string): void => {
    process.stderr.write(`${humanSeconds(elapsed()).padStart(7)}  ${step}\n`);
  };
  const scratch = mkdtempSync(join(tmpdir(), 'skerry-image-'));
  try {
    const images = values.all('preload');
    const archives = await preloadArchives({ images, directory: scratch, engineSocket: engineSocket(values) });
    const { manifest, path } = await buildImage({
      board,
      version,
      agent: await agentFor(board, values, progress),
      preload: images.map((name, index) => ({ name: basename(name, '.tar'), archive: archives[index] ?? '' })),
      config,
      outputDirectory: resolve(values.require('output')),
      cacheDirectory: resolve(values.get('cache-dir') ?? join(homedir(), '.cache/skerry/images')),
      mirror: values.get('mirror'),
      builtAtSeconds: Math.floor(Date.now() / 1000),
      compress: !values.has('no-compress'),
      progress,
    });
    process.stdout.write(`${summary(manifest)}\nbuilt in ${humanSeconds(elapsed())}: ${path}\n`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function summary({ board, version: release, builtAt, image, compressed }: ImageManifest): string {
  const small = compressed === undefined ? '' : `, ${humanBytes(compressed.bytes)} compressed`;
  return `${image.file.replace(/\.img$/, '')}  board ${board}, Skerry ${release}, built ${builtAt}: ${humanBytes(image.bytes)} on the card${small}`;
}

function inspect(given: string | undefined): void {
  if (given === undefined) throw new UsageError('inspect: expected an image');
  const manifest = readManifestFile(manifestPath(resolve(given)));
  const partitions = manifest.partitions.map(
    ({ name, fileSystem, startBytes, bytes }) =>
      `  ${name.padEnd(8)} ${fileSystem.padEnd(9)} ${humanBytes(bytes).padStart(10)} at ${startBytes}`,
  );
  const packages = manifest.packages.map(({ name, version: release }) => `  ${name} ${release}`);
  const preloaded =
    manifest.preloaded.length === 0 ? [] : ['preloaded:', ...manifest.preloaded.map((name) => `  ${name}`)];
  process.stdout.write(
    `${[summary(manifest), `sha256 ${manifest.image.sha256}`, 'partitions:', ...partitions, ...preloaded, 'packages:', ...packages].join('\n')}\n`,
  );
}

async function verify(given: string | undefined): Promise<number> {
  if (given === undefined) throw new UsageError('verify: expected an image');
  const path = manifestPath(resolve(given));
  const findings = await verifyFiles(path, readManifestFile(path));
  for (const { file, problem } of findings) process.stdout.write(`${file}: ${problem ?? 'good'}\n`);
  return findings.every(({ problem }) => problem === undefined) ? 0 : 1;
}

function list(values: Options): void {
  process.stdout.write('boards:\n');
  for (const { name, description } of Object.values(boards))
    process.stdout.write(`  ${name.padEnd(14)} ${description}\n`);
  const directory = values.require('output');
  const manifests = listManifests(directory);
  process.stdout.write(`images in ${directory}:${manifests.length === 0 ? ' none' : ''}\n`);
  for (const manifest of manifests) process.stdout.write(`  ${summary(manifest)}\n`);
}

export const imageCommand: Command = {
  summary: 'Builds the images that devices are flashed with, and looks at them.',
  usage: 'build --board BOARD | list | inspect IMAGE | verify IMAGE',
  options,
  run: async (values) => {
    const [verb, given] = values.words;
    if (verb === 'build') await build(values);
    else if (verb === 'list') list(values);
    else if (verb === 'inspect') inspect(given);
    else if (verb === 'verify') return verify(given);
    else throw new UsageError(`expected build, list, inspect or verify, found ${JSON.stringify(verb ?? '')}`);
    return 0;
  },
};
