// What every implementation of agent/runtime/runtime.ts promises, as tests: run
// against each of them by runtime.test.ts. Programs are shell scripts for real
// engines; a simulated one looks up what they do.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type {
  ContainerIdentity,
  ContainerSpec,
  LogQuery,
  Runtime,
  RuntimeContainer,
} from '../../agent/runtime/runtime.ts';
import { eventTimeoutMs, runtimeError, until } from './runtime-assertions.ts';
import { longLine, type ProgramName, poured, pouredNumbers, programs } from './runtime-programs.ts';

export type RuntimeHarness = {
  /** An agent's view of the engine that all views share. */
  open: (instance: string) => Runtime;
  /** A view of an engine that does not answer. */
  openDead: () => Runtime;
  /** An image with a shell, and one that is nowhere. */
  image: string;
  missingImage: string;
  /** Lines of a large log that are there at least when it has been rotated. */
  keptLogLines: number;
  /** Its log may hold any line in pieces; a piece counts as a line where the last ones are asked for, as in a kubelet. */
  splitsLines: boolean;
  /** Ranges that nobody else uses, for two instances. */
  cidrs: [string, string];
  close: () => Promise<void>;
};

const pourTimeoutMs = 60_000;
const everything: LogQuery = { follow: false, timestamps: false };

const limited = { cpuShares: 256, cpuLimitMillis: 500, memoryLimitBytes: 96 << 20 };

let count = 0;

/** A pod's identity that no other test uses. */
function identity(podUid = `uid-${process.pid}-${count++}`, rest: Partial<ContainerIdentity> = {}): ContainerIdentity {
  return {
    podUid,
    podNamespace: 'default',
    podName: 'pod',
    role: 'container',
    containerName: 'main',
    attempt: 0,
    crashStreak: 0,
    specHash: 'abc123',
    sandboxId: '',
    ...rest,
  };
}

export function runtimeContract(name: string, openHarness: () => Promise<RuntimeHarness>): void {
  describe(name, () => {
    let harness: RuntimeHarness;
    let runtime: Runtime;
    const instance = `contract-${process.pid}-a`;

    before(async () => {
      harness = await openHarness();
      runtime = harness.open(instance);
      await runtime.ensureNetwork(harness.cidrs[0]);
    });
    after(async () => {
      await runtime?.uninstall();
      await harness?.close();
    });

    const sandbox = async (podUid: string, on = runtime): Promise<string> => {
      const own = identity(podUid, { role: 'sandbox', containerName: '', specHash: '' });
      return on.createSandbox({ identity: own, hostname: 'pod', hostNetwork: false, ports: [] });
    };
    const create = async (
      program: ProgramName,
      rest: Partial<ContainerIdentity>,
      change: Partial<ContainerSpec> = {},
    ): Promise<string> =>
      runtime.createContainer({
        identity: identity(rest.podUid, rest),
        image: harness.image,
        command: ['/bin/busybox'],
        args: ['sh', '-c', programs[program].script],
        environment: ['NAME=value'],
        mounts: [],
        resources: { cpuShares: 2 },
        terminal: false,
        stdin: false,
        stdinOnce: false,
        supplementalGroups: [],
        privileged: false,
        readOnlyRoot: false,
        addCapabilities: [],
        dropCapabilities: [],

        ...change,
      });
    /** A pod with a running sandbox and one container that has been started. */
    const pod = async (program: ProgramName): Promise<{ podUid: string; sandboxId: string; id: string }> => {
      const { podUid } = identity();
      const sandboxId = await sandbox(podUid);
      await runtime.start(sandboxId);
      const id = await create(program, { podUid, sandboxId });
      await runtime.start(id);
      return { podUid, sandboxId, id };
    };
    const find = async (id: string): Promise<RuntimeContainer | undefined> =>
      (await runtime.list()).find((container) => container.id === id);
    const exited = (id: string, withinMs = eventTimeoutMs): Promise<RuntimeContainer> =>
      until(
        async () => {
          const container = await find(id);
          return container?.state === 'exited' ? container : undefined;
        },
        `the end of ${id}`,
        withinMs,
      );
    const read = async (
      id: string,
      query: Partial<LogQuery> = {},
      onPiece: () => Promise<unknown> = async () => undefined,
    ): Promise<string> => {
      const pieces: Uint8Array[] = [];
      const logs = runtime.logs(id, { ...everything, ...query }, AbortSignal.timeout(pourTimeoutMs));
      for await (const bytes of logs) {
        pieces.push(bytes);
        await onPiece();
      }
      return Buffer.concat(pieces).toString();
    };

    it('names the engine', async () => {
      const { name: engine, version } = await runtime.describe();
      assert.match(`${engine} ${version}`, /^[a-z]+ \d+\.\d+/);
    });

    it('keeps the network that is there', async () => {
      await runtime.ensureNetwork(harness.cidrs[0]);
    });

    it('a sandbox is made, runs with an address of the range, stops and goes', async () => {
      const { podUid } = identity();
      const id = await sandbox(podUid);
      const made = await find(id);
      assert.deepEqual([made?.state, made?.role, made?.podUid, made?.sandboxId], ['created', 'sandbox', podUid, '']);
      await runtime.start(id);
      await runtime.start(id);
      const running = await find(id);
      assert.equal(running?.state, 'running');
      const prefix = harness.cidrs[0].split('.').slice(0, 3).join('.');
      assert.ok(running?.address?.startsWith(`${prefix}.`), `address ${running?.address}`);
      await runtime.stop(id, 0);
      assert.equal((await find(id))?.state, 'exited');
      await runtime.remove(id);
      assert.equal(await find(id), undefined);
    });

    it('sandboxes that run together have different addresses', async () => {
      const ids = [await sandbox(identity().podUid), await sandbox(identity().podUid)];
      for (const id of ids) await runtime.start(id);
      const addresses = await Promise.all(ids.map(async (id) => (await find(id))?.address));
      assert.equal(new Set(addresses).size, 2, String(addresses));
      assert.ok(!addresses.includes(undefined));
    });

    it('tells of a container everything that it was made with', async () => {
      const { podUid } = identity();
      const sandboxId = await sandbox(podUid);
      await runtime.start(sandboxId);
      const given = {
        podUid,
        podName: 'web-0',
        podNamespace: 'shop',
        containerName: 'side',
        attempt: 7,
        crashStreak: 3,
      };
      const id = await create('forever', { ...given, role: 'init', specHash: 'f00', sandboxId });
      const found = await find(id);
      const { podName, podNamespace, role, containerName, attempt, crashStreak, specHash } = found ?? identity();
      assert.deepEqual(
        { podUid: found?.podUid, podName, podNamespace, role, containerName, attempt, crashStreak, specHash },
        { ...given, role: 'init', specHash: 'f00' },
      );
      assert.deepEqual([found?.sandboxId, found?.image, found?.state], [sandboxId, harness.image, 'created']);
      assert.ok((found?.imageId ?? '') !== '');
    });

    it('lists the containers of one pod, or of all', async () => {
      const [one, other] = [await pod('forever'), await pod('forever')];
      const own = (await runtime.list(one.podUid)).map(({ id }) => id).sort();
      assert.deepEqual(own, [one.id, one.sandboxId].sort());
      const all = (await runtime.list()).map(({ id }) => id);
      for (const id of [one.id, one.sandboxId, other.id, other.sandboxId]) assert.ok(all.includes(id));
    });

    it('shows when a container was made, started and ended, and its exit code', async () => {
      for (const [program, code] of [
        ['succeeds', 0],
        ['fails', 3],
      ] as const) {
        const { id } = await pod(program);
        const ended = await exited(id);
        assert.equal(ended.exitCode, code);
        const { createdAtMs, startedAtMs = 0, finishedAtMs = 0 } = ended;
        // Docker notes the start of a process that ends at once a little after its end.
        assert.ok(createdAtMs <= startedAtMs && startedAtMs <= finishedAtMs + 1000, JSON.stringify(ended));
        assert.ok(Math.abs(Date.now() - finishedAtMs) < 60_000);
      }
    });

    it('shows what a container may use, and what it was made with', async () => {
      const { podUid } = identity();
      const sandboxId = await sandbox(podUid);
      const id = await create('forever', { podUid, sandboxId, madeWith: 'so and so' }, { resources: limited });
      const found = await find(id);
      assert.deepEqual([found?.resources, found?.madeWith], [limited, 'so and so']);
      const plain = await find(await create('forever', { podUid, sandboxId, containerName: 'plain' }));
      assert.deepEqual([plain?.resources, plain?.madeWith], [{ cpuShares: 2 }, undefined]);
      assert.equal((await find(sandboxId))?.resources, undefined);
    });

    it('changes what a running container may use, up and down and newly limited, without a restart', async () => {
      const { podUid } = identity();
      const sandboxId = await sandbox(podUid);
      await runtime.start(sandboxId);
      const id = await create('forever', { podUid, sandboxId });
      await runtime.start(id);
      const before = await find(id);
      const more = { cpuShares: 1024, cpuLimitMillis: 1500, memoryLimitBytes: 128 << 20 };
      for (const resources of [limited, more, limited]) {
        await runtime.update(id, resources);
        assert.deepEqual(await find(id), { ...before, resources });
      }
      // A limit that is not named stays.
      await runtime.update(id, { cpuShares: 102 });
      assert.deepEqual((await find(id))?.resources, { ...limited, cpuShares: 102 });
    });

    it('changes what a container may use that does not run', async () => {
      const { podUid } = identity();
      const id = await create('forever', { podUid, sandboxId: await sandbox(podUid) });
      await runtime.update(id, limited);
      assert.deepEqual([(await find(id))?.state, (await find(id))?.resources], ['created', limited]);
    });

    it('refuses a memory limit below what is in use, and changes nothing', async () => {
      const { podUid } = identity();
      const sandboxId = await sandbox(podUid);
      await runtime.start(sandboxId);
      const id = await create('hoards', { podUid, sandboxId }, { resources: limited });
      await runtime.start(id);
      await until(async () => ((await read(id)) === 'has\n' ? true : undefined), 'memory in use');
      const before = await find(id);
      const less = { ...limited, cpuShares: 1024, memoryLimitBytes: 16 << 20 };
      await assert.rejects(runtime.update(id, less), runtimeError('failed'));
      assert.deepEqual(await find(id), before);
    });

    it('the resources of no container are an error', async () => {
      await assert.rejects(runtime.update('0000000000000000', limited), runtimeError('not-found'));
    });

    it('ends a container with SIGTERM when it obeys', async () => {
      const { id } = await pod('forever');
      // The shell has to be there to catch the signal.
      await new Promise((resolve) => setTimeout(resolve, 300));
      const startMs = performance.now();
      await runtime.stop(id, 15);
      assert.ok(performance.now() - startMs < 10_000);
      const ended = await find(id);
      assert.deepEqual([ended?.state, ended?.exitCode], ['exited', 0]);
    });

    it('ends a container with SIGKILL after the grace period when it does not', async () => {
      const { id } = await pod('stubborn');
      await new Promise((resolve) => setTimeout(resolve, 300));
      const startMs = performance.now();
      await runtime.stop(id, 1);
      const tookMs = performance.now() - startMs;
      assert.ok(tookMs >= 900 && tookMs < 10_000, `took ${tookMs} ms`);
      const ended = await find(id);
      assert.deepEqual([ended?.state, ended?.exitCode], ['exited', 137]);
    });

    it('a later stop with less grace cuts an earlier one short', async () => {
      const { id } = await pod('stubborn');
      const startMs = performance.now();
      const slow = runtime.stop(id, 60);
      await new Promise((resolve) => setTimeout(resolve, 200));
      await runtime.stop(id, 0);
      await slow;
      assert.ok(performance.now() - startMs < 20_000);
    });

    it('stopping and removing what is stopped, removed or never was is fine', async () => {
      const { id } = await pod('succeeds');
      await exited(id);
      for (const grace of [0, 5]) await runtime.stop(id, grace);
      await runtime.remove(id);
      await runtime.remove(id);
      for (const grace of [0, 5]) await runtime.stop(id, grace);
      await runtime.stop('0000000000000000', 1);
      await runtime.remove('0000000000000000');
    });

    it('a sandbox that was removed is not seen any more, and what ended in it is', async () => {
      const { podUid, sandboxId, id } = await pod('succeeds');
      await exited(id);
      await runtime.stop(sandboxId, 0);
      await runtime.remove(sandboxId);
      assert.deepEqual(
        (await runtime.list(podUid)).map((container) => container.id),
        [id],
      );
      for (const gone of [id, sandboxId]) await runtime.remove(gone);
      assert.deepEqual(await runtime.list(podUid), []);
    });

    it('a container made anew under the same name takes the place of the old one', async () => {
      const { podUid } = identity();
      const sandboxId = await sandbox(podUid);
      await runtime.start(sandboxId);
      const first = await create('forever', { podUid, sandboxId });
      const second = await create('forever', { podUid, sandboxId });
      assert.deepEqual([await find(first), (await find(second))?.state], [undefined, 'created']);
    });

    it('gives a log whole, its tail, with times, and since a time', async () => {
      const { id } = await pod('talks');
      await exited(id);
      assert.equal(await read(id), 'one\ntwo\nthree\n');
      assert.equal(await read(id, { tailLines: 2 }), 'two\nthree\n');
      assert.equal(await read(id, { tailLines: 0 }), '');
      assert.equal(await read(id, { sinceMs: Date.now() + 60_000 }), '');
      assert.equal(await read(id, { sinceMs: Date.now() - 60_000 }), 'one\ntwo\nthree\n');
      const lines = (await read(id, { timestamps: true })).trim().split('\n');
      assert.equal(lines.length, 3);
      for (const line of lines) assert.match(line, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z (one|two|three)$/);
    });

    it('follows a log until the container ends', async () => {
      const { id } = await pod('talks');
      assert.equal(await read(id, { follow: true }), 'one\ntwo\nthree\n');
      assert.equal((await exited(id)).exitCode, 0);
    });

    it('gives a line whole that is longer than the pieces of the engine', async () => {
      const { id } = await pod('rambles');
      await exited(id);
      for (const follow of [false, true])
        assert.ok((await read(id, { follow })) === `before\n${longLine}\nbehind\n`, 'the line is not whole');
      const timed = (await read(id, { timestamps: true })).replaceAll(/^\S+ /gm, '');
      assert.ok(timed === `before\n${longLine}\nbehind\n`, 'the line has more times than one');
    });

    it('gives each line of a large log once and in order while the engine rotates it', async () => {
      const { id } = await pod('pours');
      const numbers = pouredNumbers(await read(id, { follow: true }));
      assert.deepEqual([numbers[0], numbers.at(-1), numbers.length], [1, poured.lines, poured.lines]);
      // What the engine has not dropped, and the end of it.
      const { keptLogLines: least } = harness;
      const kept = pouredNumbers(await read(id));
      assert.deepEqual([kept.at(-1), kept.length > least], [poured.lines, true]);
      const last = pouredNumbers(await read(id, { tailLines: least }));
      assert.deepEqual([last[0], last.at(-1)], [poured.lines - last.length + 1, poured.lines]);
      const enough = harness.splitsLines ? 0.95 * least : least;
      assert.ok(last.length <= least && last.length >= enough, `${last.length} lines of ${least}`);
    });

    it('tells who reads too slowly that lines are missing, or gives them all', async () => {
      const { id } = await pod('pours');
      let paused = false;
      const text = await read(id, { follow: true }, async () => {
        if (!paused) await exited(id, pourTimeoutMs);
        paused = true;
      });
      const numbers = pouredNumbers(text);
      const gaps = numbers.filter((number) => Number.isNaN(number)).length;
      assert.deepEqual([numbers[0], numbers.at(-1)], [1, poured.lines]);
      assert.ok(gaps === 1 || numbers.length === poured.lines, `${numbers.length} lines, ${gaps} gaps`);
    });

    it('stops following with the signal', async () => {
      const { id } = await pod('forever');
      const stop = new AbortController();
      setTimeout(() => stop.abort(), 200);
      for await (const bytes of runtime.logs(id, { ...everything, follow: true }, stop.signal))
        assert.fail(String(bytes));
    });

    it('follows nothing when the signal has ended already', async () => {
      const { id } = await pod('forever');
      for await (const bytes of runtime.logs(id, { ...everything, follow: true }, AbortSignal.abort()))
        assert.fail(String(bytes));
    });

    it('the log of no container is an error', async () => {
      await assert.rejects(read('0000000000000000'), runtimeError('not-found'));
    });

    it('tells of starts and ends, and of nothing after the signal', async () => {
      const stop = new AbortController();
      const told: (string | undefined)[] = [];
      runtime.watch(stop.signal, (podUid) => told.push(podUid));
      // Whoever begins to watch may have missed something.
      await until(async () => told.includes(undefined) || undefined, 'the first call');
      const { podUid, id } = await pod('fails');
      await exited(id);
      await until(async () => told.filter((uid) => uid === podUid).length >= 3 || undefined, 'two starts and an end');
      stop.abort();
      await new Promise((resolve) => setTimeout(resolve, 200));
      const before = told.length;
      await pod('succeeds');
      assert.equal(told.length, before);
    });

    it('an exit that is told of can be seen', async () => {
      const stop = new AbortController();
      const states: (string | undefined)[] = [];
      const { podUid, sandboxId } = await pod('succeeds');
      const id = await create('fails', { podUid, sandboxId, containerName: 'other' });
      runtime.watch(stop.signal, (uid) => {
        if (uid === podUid) void find(id).then((container) => states.push(container?.state));
      });
      await new Promise((resolve) => setTimeout(resolve, 200));
      await runtime.start(id);
      await until(async () => states.includes('exited') || undefined, 'an exit seen by looking when told');
      stop.abort();
    });

    it('knows which images are there', async () => {
      assert.equal(await runtime.hasImage(harness.image), true);
      assert.equal(await runtime.hasImage(harness.missingImage), false);
      await assert.rejects(runtime.pull(harness.missingImage), runtimeError('image-pull'));
    });

    it('refuses a container without its image', async () => {
      const { podUid } = identity();
      const sandboxId = await sandbox(podUid);
      await runtime.start(sandboxId);
      const made = create('forever', { podUid, sandboxId }, { image: harness.missingImage });
      await assert.rejects(made, runtimeError('image-missing', 'failed'));
    });

    it('keeps a container that can not be started, with the reason', async () => {
      const { podUid } = identity();
      const sandboxId = await sandbox(podUid);
      await runtime.start(sandboxId);
      const id = await create('forever', { podUid, sandboxId }, { command: ['/bin/missing'] });
      await assert.rejects(runtime.start(id), runtimeError('failed'));
      const found = await find(id);
      assert.equal(found?.state, 'exited');
      assert.ok((found?.error ?? '') !== '' && found?.exitCode !== 0, JSON.stringify(found));
    });

    it('an engine that does not answer is unavailable, whatever is asked', async () => {
      const dead = harness.openDead();
      const unavailable = runtimeError('unavailable');
      await assert.rejects(dead.describe(), unavailable);
      await assert.rejects(dead.list(), unavailable);
      await assert.rejects(dead.ensureNetwork(harness.cidrs[1]), unavailable);
      await assert.rejects(dead.hasImage(harness.image), unavailable);
      await assert.rejects(dead.start('0000000000000000'), unavailable);
      await assert.rejects(dead.stop('0000000000000000', 1), unavailable);
      await assert.rejects(dead.remove('0000000000000000'), unavailable);
      await assert.rejects(dead.update('0000000000000000', limited), unavailable);
      await assert.rejects(sandbox(identity().podUid, dead), unavailable);
      await assert.rejects(dead.uninstall(), unavailable);
      const stop = new AbortController();
      dead.watch(stop.signal, () => undefined);
      stop.abort();
    });

    it('instances in one engine do not see each other, and uninstall leaves nothing of its own', async () => {
      const other = harness.open(`contract-${process.pid}-b`);
      await other.ensureNetwork(harness.cidrs[1]);
      const { podUid } = identity();
      const id = await sandbox(podUid, other);
      await other.start(id);
      const { id: ownId } = await pod('forever');
      assert.ok(!(await runtime.list()).some((container) => container.id === id));
      assert.deepEqual(
        (await other.list()).map((container) => container.id),
        [id],
      );
      await other.uninstall();
      assert.deepEqual(await other.list(), []);
      assert.equal((await find(ownId))?.state, 'running');
      await other.uninstall();
    });
  });
}
