// Sandboxes that are made at once: their image is imported once, or the first of two
// imports would be left in the engine without a name. The engine is a recorded one.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { runtimeOnRecordedEngine } from '../../../test/support/recorded-engine.ts';

let imports = 0;
let isThere = false;

const runtime = await runtimeOnRecordedEngine((request, response) => {
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
it('imports the image of sandboxes once', async () => {
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
