// Sandboxes that are made at once: their image is imported once, or the first of two
// imports would be left in the engine without a name. The engine is a recorded one.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { createSystemClock } from '../../../platform/clock.ts';
import { createSystemDisk } from '../../../platform/disk.ts';
import { connectInNamespace, connectTo } from '../../../platform/net.ts';
import { killProcess } from '../../../platform/process.ts';
import { DockerRuntime } from './docker-runtime.ts';

const directory = mkdtempSync(join(tmpdir(), 'skerry-engine-'));
const socketPath = join(directory, 'engine.sock');
let imports = 0;
let isThere = false;

const server = createServer((request, response) => {
  const { url = '' } = request;
  const answer = (code: number, body: object): void => {
    response.writeHead(code, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  };
  if (url.includes('/images/create')) {
    imports += 1;
    // Read to its end, as the engine does, before the image is there.
    request.resume().once('end', () => {
      isThere = true;
      answer(200, { status: 'sha256:1' });
    });
  } else if (url.includes('/images/')) answer(isThere ? 200 : 404, { message: 'no such image' });
  else request.resume().once('end', () => answer(201, { Id: 'made' }));
});
await new Promise<void>((resolve) => server.listen(socketPath, resolve));
after(() => {
  server.close();
  rmSync(directory, { recursive: true });
});

it('imports the image of sandboxes once', async () => {
  const runtime = new DockerRuntime(
    { socketPath, nodeName: 'node', instance: 'test', architecture: 'amd64' },
    { clock: createSystemClock(), disk: createSystemDisk(), connectTo, connectInNamespace, killProcess },
  );
  const make = (podName: string): Promise<string> =>
    runtime.createSandbox({
      identity: {
        podUid: podName,
        podNamespace: 'default',
        podName,
        role: 'sandbox',
        containerName: '',
        attempt: 0,
        crashStreak: 0,
        specHash: '',
        sandboxId: '',
      },
      hostname: podName,
      hostNetwork: false,
      ports: [],
    });
  assert.deepEqual(await Promise.all(['a', 'b', 'c'].map(make)), ['made', 'made', 'made']);
  assert.equal(await make('d'), 'made');
  assert.equal(imports, 1);
});
