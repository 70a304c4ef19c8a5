// Makes one JavaScript file of a program and the libraries it uses: the agent of
// the published package, and what stands in the executables.
import { join } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';

const root = join(import.meta.dirname, '..', '..');

/** What a library calls only for engines reached over ssh or gRPC, through proxies, or as a faster native twin. */
const neverCalled = ['@grpc/grpc-js', '@grpc/proto-loader', 'ssh2', 'cpu-features', 'msgpackr-extract', 'socks'];

export type Program = {
  entry: string;
  /** Modules that are replaced by an empty one, each together with all that it would load. */
  unused: readonly string[];
  target: string;
};

/** A device's program. Node 20, since there is no newer one for 32-bit ARM; only the hub reads protobuf. */
export const agentProgram: Program = {
  entry: 'cli/agent-main.ts',
  unused: [...neverCalled, 'protobufjs', 'protobufjs/minimal.js'],
  target: 'node20',
};

/** Everything: hub, agent and tools. */
export const fullProgram: Program = { entry: 'cli/main.ts', unused: neverCalled, target: 'node24' };

function leaveOut(unused: readonly string[]): Plugin {
  return {
    name: 'leave-out-unused',
    setup: ({ onResolve, onLoad }) => {
      onResolve({ filter: /.*/ }, ({ path }) => (unused.includes(path) ? { path, namespace: 'unused' } : undefined));
      onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: 'module.exports = {};', loader: 'js' }));
    },
  };
}

/**
 * Writes the program as one CommonJS file. Returns what went into it, with paths relative to the repository.
 * @throws Error when a module does not resolve
 */
export async function bundleProgram({ entry, unused, target }: Program, outfile: string): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile,
    bundle: true,
    minify: true,
    keepNames: true,
    metafile: true,
    platform: 'node',
    target,
    format: 'cjs',
    legalComments: 'none',
    logLevel: 'error',
    plugins: [leaveOut(unused)],
  });
  return metafile;
}
