// Power cuts at random moments: while pods start, and while images are loaded. After
// each the device is Ready again with all its pods. RIG_SEED repeats the moments,
// RIG_CUTS makes them fewer.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createSeededRandom } from '../../platform/random.ts';
import { TestRig } from '../support/rig.ts';
import { noiseArchive } from '../support/rig-image.ts';

const seed = Number(process.env.RIG_SEED ?? randomInt(2 ** 31));
const cuts = Number(process.env.RIG_CUTS ?? 20);
/** In which a pod starts, or an image of this size is loaded, under emulation. */
const longestMs = 30_000;
const noiseBytes = 24 << 20;

describe(`${cuts} power cuts, seed ${seed}`, { timeout: 3 * 3_600_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'skerry-cuts-'));
  const random = createSeededRandom(seed);
  let rig: TestRig;
  before(async () => {
    rig = await TestRig.start({ count: 1, prefix: 'cut' });
    await rig.kubectl.apply([rig.pod('keeper', 'cut-1')]);
    await rig.podRuns('keeper');
  });
  after(async () => {
    await rig?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  for (let turn = 1; turn <= cuts; turn += 1) {
    const kind = turn % 2 === 1 ? 'pod start' : 'image load';
    const delayMs = Math.floor(random.fraction() * longestMs);
    it(`${turn}: ${(delayMs / 1000).toFixed(1)} s into ${kind}`, async () => {
      const before = await rig.bootId('cut-1');
      const pod = `pod-${turn}`;
      const archive = noiseArchive(directory, `noise-${turn}`, noiseBytes);
      const loading = kind === 'image load' ? rig.load('cut-1', archive) : undefined;
      await rig.kubectl.apply([rig.pod(pod, 'cut-1')]);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      await rig.ok(['power-cut', 'cut-1']);
      await loading;
      await rig.ok(['power-on', 'cut-1']);
      await rig.ready('cut-1', before);
      await Promise.all(['keeper', pod].map((name) => rig.podRuns(name)));
      if (loading !== undefined) {
        // What was cut off can be done again.
        const { code, stderr } = await rig.load('cut-1', archive);
        assert.equal(code, 0, stderr);
        await rig.ssh('cut-1', `podman rmi skerry-test/noise-${turn}:1`);
      }
      await rig.kubectl.ok(['delete', 'pod', pod, '--wait=false']);
    });
  }
});
