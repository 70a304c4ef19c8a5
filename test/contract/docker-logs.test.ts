// Logs from the files of Docker's json-file driver are what Docker itself makes
// of them, and come from Docker where there are no such files.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DockerLogs } from '../../agent/runtime/docker/docker-logs.ts';
import type { LogQuery } from '../../agent/runtime/runtime.ts';
import { createSystemClock } from '../../platform/clock.ts';
import { createSystemDisk, type Disk } from '../../platform/disk.ts';
import { VirtualDisk } from '../../platform/virtual-disk.ts';
import { docker, ensureImages, images } from '../support/engine.ts';

const script = `
  for n in 1 2 3 4 5 6; do echo "line $n"; echo "problem $n" >&2; sleep 0.3; done
  printf 'ün\\303\\257 <&> "quoted" \\\\ \\t \\377 \\033[0m\\n\\n'; sleep 0.3
  printf 'no line break'`;

describe("docker's logs", { timeout: 60_000 }, () => {
  const ids: string[] = [];
  before(() => ensureImages());
  after(async () => {
    for (const id of ids) await docker.getContainer(id).remove({ force: true });
  });

  const run = async (Type: string, Config: Record<string, string>, Tty = false): Promise<string> => {
    const container = await docker.createContainer({
      Image: images.one,
      Cmd: ['sh', '-c', script],
      Tty,
      HostConfig: { LogConfig: { Type, Config } },
    });
    ids.push(container.id);
    await container.start();
    await container.wait();
    return container.id;
  };
  const read = async (id: string, disk: Disk, query: Partial<LogQuery>): Promise<string> => {
    const logs = new DockerLogs({ docker, clock: createSystemClock(), disk });
    const pieces: Uint8Array[] = [];
    const signal = AbortSignal.timeout(20_000);
    for await (const bytes of logs.read(id, { follow: false, timestamps: false, ...query }, signal)) pieces.push(bytes);
    return Buffer.concat(pieces).toString();
  };
  const startedAtMs = async (id: string): Promise<number> =>
    Date.parse((await docker.getContainer(id).inspect()).State.StartedAt);

  for (const isTerminal of [false, true]) {
    it(`are the same from its files as from itself, ${isTerminal ? 'with' : 'without'} a terminal`, async () => {
      const id = await run('json-file', { 'max-size': '1k', 'max-file': '3' }, isTerminal);
      const sinceMs = (await startedAtMs(id)) + 1000;
      const queries: Partial<LogQuery>[] = [
        {},
        ...[0, 1, 3, 10, 1000].map((tailLines) => ({ tailLines })),
        { sinceMs },
        { sinceMs: sinceMs + 60_000 },
        { sinceMs, tailLines: 3 },
      ];
      for (const query of queries)
        for (const timestamps of [false, true])
          for (const follow of [false, true]) {
            const whole = { ...query, timestamps, follow };
            const [own, engines] = [
              await read(id, createSystemDisk(), whole),
              await read(id, new VirtualDisk(), whole),
            ];
            assert.equal(own, engines, JSON.stringify(whole));
          }
      assert.match(await read(id, createSystemDisk(), { tailLines: 1 }), /^no line break$/);
      assert.notEqual(await read(id, createSystemDisk(), { sinceMs }), await read(id, createSystemDisk(), {}));
    });
  }

  it('come from itself when it writes none, other ones, or rotates them in another way', async () => {
    for (const [type, config] of [
      ['local', {}],
      ['json-file', { 'max-size': '1k', 'max-file': '3', compress: 'true' }],
      ['json-file', { 'max-size': '1k', 'max-file': '1' }],
    ] as const) {
      const id = await run(type, config);
      assert.match(
        await read(id, createSystemDisk(), { tailLines: 1 }),
        /^no line break$/,
        JSON.stringify([type, config]),
      );
    }
  });

  it('come from itself when its files may not be read', async () => {
    const id = await run('json-file', {});
    let asked = 0;
    const openToRead = (): Promise<never> => {
      asked += 1;
      return Promise.reject(Object.assign(new Error('permission denied'), { code: 'EACCES' }));
    };
    const text = await read(id, { ...createSystemDisk(), openToRead }, { tailLines: 1 });
    assert.deepEqual([text, asked], ['no line break', 1]);
  });

  it('of a container without a limit are one file', async () => {
    const text = await read(await run('json-file', {}), createSystemDisk(), {});
    assert.deepEqual(text.split('\n').slice(0, 2).sort(), ['line 1', 'problem 1']);
  });
});
