// A container engine that answers what a test says, on a socket of its own: for what
// real engines do at moments that can't be had by asking.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { DockerRuntime } from '../../agent/runtime/docker/docker-runtime.ts';
import { createSystemClock } from '../../platform/clock.ts';
import { createSystemDisk } from '../../platform/disk.ts';
import { connectInNamespace, connectTo } from '../../platform/net.ts';
import { killProcess } from '../../platform/process.ts';

/** A runtime of instance `test` on such an engine, until the tests of the file are over. */
export async function runtimeOnRecordedEngine(answer: RequestListener): Promise<DockerRuntime> {
  const directory = mkdtempSync(join(tmpdir(), 'skerry-engine-'));
  const socketPath = join(directory, 'engine.sock');
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  after(() => {
    server.close();
    rmSync(directory, { recursive: true });
  });
  return new DockerRuntime(
    { socketPath, nodeName: 'node', instance: 'test', architecture: 'amd64' },
    { clock: createSystemClock(), disk: createSystemDisk(), connectTo, connectInNamespace, killProcess },
  );
}
