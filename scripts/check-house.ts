// The rules of the house that no ready-made tool knows: import directions,
// no circles, one door to the outside, no dead files, no long files.
// ARCHITECTURE.md has the same table for people.
import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';

export type HouseOptions = {
  root: string;
  /** Fewer files than this mean that the check did not see the tree. */
  minFiles: number;
};

const topFolders = ['api', 'platform', 'hub', 'agent', 'firmware-images', 'cli', 'scripts', 'test', 'bench'];
const maxLines = 500;

/** What each part may import of ours, beside itself; the longest matching prefix counts. */
const allowedImports: Record<string, string[]> = {
  api: [],
  platform: ['api/meta'],
  'hub/store': ['api', 'platform'],
  'hub/client': ['api', 'platform'],
  'hub/pki': ['api', 'platform'],
  'hub/apiserver': ['api', 'platform', 'hub/store', 'hub/pki'],
  'hub/scheduler': ['api', 'platform', 'hub/client'],
  'hub/controllers': ['api', 'platform', 'hub/client'],
  'hub/sync': ['api', 'platform', 'hub/client'],
  'hub/tunnel': ['api', 'platform', 'hub/client'],
  'hub/addons': ['api', 'platform', 'hub/client'],
  'hub/broker': ['api/wire', 'platform'],
  hub: ['api', 'platform', 'hub'],
  'agent/pods': ['api', 'platform', 'agent/runtime/runtime.ts'],
  'agent/state': ['api', 'platform', 'agent/runtime/runtime.ts'],
  'agent/runtime': ['api', 'platform'],
  'agent/volumes': ['api', 'platform'],
  'agent/probes': ['api', 'platform'],
  'agent/network': ['api', 'platform'],
  'agent/stats': ['api', 'platform'],
  'agent/doctor': ['api', 'platform'],
  'agent/sync': ['api', 'platform', 'agent/state'],
  'agent/tunnel': ['api', 'platform', 'agent/state'],
  'agent/device': ['api', 'platform', 'agent/state', 'agent/sync'],
  agent: ['api', 'platform', 'agent'],
  'firmware-images': ['api', 'platform'],
  cli: ['api', 'platform', 'firmware-images', 'hub/main.ts', 'agent/main.ts'],
  scripts: [''],
  test: [''],
  bench: [''],
};

/** Libraries that do I/O of their own stay behind the port that wraps them. */
const adapterLibraries: Record<string, string> = {
  'nedb-promises': 'hub/store/nedb',
  aedes: 'hub/broker',
  fastify: 'hub/apiserver',
  mqtt: 'agent/sync',
  dockerode: 'agent/runtime/docker',
  'multicast-dns': 'platform',
  pino: 'platform',
  'prom-client': 'platform',
};

const innerFolders = ['api', 'hub', 'agent'];
const bannedModules = ['fs', 'fs/promises', 'net', 'tls', 'dgram', 'child_process', 'timers', 'timers/promises'];
const bannedCalls: [RegExp, string][] = [
  [/\bDate\.now\b/, 'Date.now'],
  [/\bnew Date\(\)/, 'new Date()'],
  [/\bperformance\.now\b/, 'performance.now'],
  [/\bsetTimeout\(/, 'setTimeout'],
  [/\bsetInterval\(/, 'setInterval'],
  [/\bMath\.random\b/, 'Math.random'],
];

/** Files that are started, not imported. */
function isEntry(path: string): boolean {
  return (
    path === 'cli/main.ts' ||
    path === 'cli/agent-main.ts' ||
    path.startsWith('scripts/') ||
    path.startsWith('bench/') ||
    path.startsWith('test/') ||
    path.endsWith('.test.ts')
  );
}

function isTest(path: string): boolean {
  return path.endsWith('.test.ts');
}

async function listFiles(root: string, folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.parentPath.includes('node_modules'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

type SourceFile = { path: string; text: string; ours: string[]; libraries: string[]; typeLibraries: string[] };

function readSource(root: string, path: string): SourceFile {
  const text = readFileSync(join(root, path), 'utf8');
  const specifiers = [
    ...text.matchAll(
      /^\s*(?:import|export)\b[^;'"]*?from\s+['"]([^'"]+)['"]|^\s*import\s+['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm,
    ),
  ].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
  const ours = specifiers
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => relative(root, resolve(root, dirname(path), specifier)));
  // Types do no I/O: a name of node:tls in a signature is no way out.
  const typeLibraries = [...text.matchAll(/^\s*import\s+type\b[^;'"]*?from\s+['"]([^.'"][^'"]*)['"]/gm)].map(
    (match) => match[1] ?? '',
  );
  return { path, text, ours, libraries: specifiers.filter((specifier) => !specifier.startsWith('.')), typeLibraries };
}

/** The part of the house that a file is in: the longest known prefix. */
function partOf(path: string): string {
  const parts = Object.keys(allowedImports).filter((part) => path === part || path.startsWith(`${part}/`));
  return parts.sort((a, b) => b.length - a.length)[0] ?? '';
}

function directionProblems({ path, ours }: SourceFile): string[] {
  const part = partOf(path);
  // Unit tests stand beside the code and may build what it is used with.
  if (isTest(path)) return [];
  return ours.flatMap((target) => {
    const targetPart = partOf(target);
    const isRoot = part === 'hub' || part === 'agent';
    const allowed = (allowedImports[part] ?? []).some(
      (prefix) => prefix === '' || target === prefix || target.startsWith(`${prefix}/`),
    );
    if (allowed || (!isRoot && targetPart === part && sameUnit(path, target, part))) return [];
    return [
      `${path}: may not import ${target} (${part} may import: ${[part, ...(allowedImports[part] ?? [])].join(', ')})`,
    ];
  });
}

/** Controllers never import each other, though they share files of their common folder. */
function sameUnit(path: string, target: string, part: string): boolean {
  if (part !== 'hub/controllers') return true;
  const unit = (file: string): string =>
    file
      .slice(part.length + 1)
      .split('/')
      .slice(0, -1)
      .join('/');
  return unit(target) === '' || unit(target) === unit(path);
}

function doorProblems({ path, text, libraries, typeLibraries }: SourceFile): string[] {
  const problems: string[] = [];
  for (const library of libraries) {
    const home = adapterLibraries[library];
    if (home !== undefined && topFolders.slice(0, 6).includes(path.split('/')[0] ?? '') && !path.startsWith(home)) {
      problems.push(`${path}: ${library} may be imported only in ${home}`);
    }
  }
  if (!innerFolders.includes(path.split('/')[0] ?? '') || isTest(path)) return problems;
  for (const library of libraries) {
    if (typeLibraries.includes(library)) continue;
    if (bannedModules.includes(library.replace(/^node:/, '')))
      problems.push(`${path}: ${library} may be imported only in platform`);
  }
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
  for (const [pattern, name] of bannedCalls)
    if (pattern.test(code)) problems.push(`${path}: ${name} is to be had from platform only`);
  return problems;
}

/** Type-only circles count too: they make two files one. */
function circleProblems(files: Map<string, SourceFile>): string[] {
  const state = new Map<string, 'open' | 'done'>();
  const problems: string[] = [];
  const visit = (path: string, trail: string[]): void => {
    if (state.get(path) === 'done') return;
    if (state.get(path) === 'open') {
      problems.push(`circle of imports: ${[...trail.slice(trail.indexOf(path)), path].join(' -> ')}`);
      return;
    }
    state.set(path, 'open');
    for (const target of files.get(path)?.ours ?? []) if (files.has(target)) visit(target, [...trail, path]);
    state.set(path, 'done');
  };
  for (const path of files.keys()) visit(path, []);
  return problems;
}

function deadProblems(files: Map<string, SourceFile>): string[] {
  const imported = new Set([...files.values()].filter((file) => !isTest(file.path)).flatMap((file) => file.ours));
  return [...files.keys()]
    .filter((path) => !imported.has(path) && !isEntry(path))
    .map((path) => `${path}: is imported by nobody`);
}

/** Everything that breaks the rules, a line each. */
export async function checkHouse({ root, minFiles }: HouseOptions): Promise<string[]> {
  const paths = (await Promise.all(topFolders.map((folder) => listFiles(root, folder)))).flat();
  if (paths.length < minFiles)
    return [`saw only ${paths.length} files, expected at least ${minFiles}: the check does not see the tree`];
  const files = new Map(paths.map((path) => [path, readSource(root, path)]));
  const problems = [...files.values()].flatMap((file) => [...directionProblems(file), ...doorProblems(file)]);
  for (const { path, text } of files.values()) {
    const lines = text.split('\n').length;
    if (lines > maxLines) problems.push(`${path}: ${lines} lines, at most ${maxLines}`);
    if (!/^(#!.*\n)?(\/\/|\/\*\*)/.test(text))
      problems.push(`${path}: must open with a comment that says what it is for`);
  }
  return [...problems, ...circleProblems(files), ...deadProblems(files)].sort();
}
