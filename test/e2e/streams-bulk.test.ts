// Much data through the tunnel: files both ways, parallel downloads by
// port-forward, fast logs; and readers that stop, for whom neither hub nor
// agent may keep more than a little.
import assert from 'node:assert/strict';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it, type TestContext } from 'node:test';
import { missingLogNotice } from '../../agent/runtime/runtime.ts';
import type { TestAgent } from '../support/agent.ts';
import { digest, digestFile, writeRandomFile } from '../support/bulk.ts';
import { TestCluster } from '../support/cluster.ts';
import { executeIn } from '../support/engine.ts';
import { MemoryWatch, standsStill } from '../support/memory.ts';
import { forever, shellPod } from '../support/pods.ts';
import { PortForward } from '../support/port-forward.ts';

const mib = 1 << 20;
const fileBytes = 100 * mib;
/** Much more than hub and agent may keep for a reader that has stopped. */
const heldBytes = 128 * mib;
const maxGrowthBytes = 64 * mib;
const longMs = 180_000;
const lineBytes = 100;
/** Lines of 1 MB. */
const chunkLines = 10_000;

/** A stream that hangs must not keep the other tests from running. */
const bound = { timeout: 180_000 };

describe('bulk data', { timeout: 600_000 }, () => {
  let cluster: TestCluster;
  let agent: TestAgent;
  let directory: string;
  before(async () => {
    cluster = await TestCluster.start();
    agent = await cluster.addAgent({ name: 'solo' });
    directory = join(cluster.kubectl.home, 'bulk');
    await mkdir(directory, { recursive: true });
    const serve = `
      mkdir /www; echo second > /www/which
      nc -ll -p 9000 -e head -c ${heldBytes} /dev/zero &
      httpd -p 8080 -h /www; httpd -p 8081 -h /www; ${forever}`;
    await cluster.kubectl.apply([
      shellPod('box', serve, { readinessProbe: { tcpSocket: { port: 8081 }, periodSeconds: 1 } }),
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'files' },
        spec: { selector: { app: 'box' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
      },
    ]);
    await cluster.podReady('box');
  });
  after(() => cluster?.stop());

  const idOf = async (pod: string): Promise<string> =>
    (await cluster.pod(pod)).status.containerStatuses?.[0]?.containerID?.replace(/^\w+:\/\//, '') ?? '';
  const sumIn = async (pod: string, path: string): Promise<string> =>
    (await executeIn(await idOf(pod), ['sha256sum', path])).split(' ')[0] ?? '';
  const codeOf = (child: ChildProcessWithoutNullStreams): Promise<number> =>
    new Promise((resolve) => child.once('close', (code) => resolve(code ?? -1)));
  const cp = (...args: string[]): ReturnType<typeof cluster.kubectl.run> =>
    cluster.kubectl.run(['cp', ...args], { cwd: directory, timeoutMs: longMs });
  /** Says how fast something was; nothing depends on it. */
  const timed = async <T>(test: TestContext, bytes: number, work: Promise<T>): Promise<T> => {
    const start = performance.now();
    const done = await work;
    test.diagnostic(`${(bytes / mib / ((performance.now() - start) / 1000)).toFixed(1)} MiB/s`);
    return done;
  };

  /** Watches hub and agent while something goes on; neither may grow much. */
  const bounded = async (test: TestContext, work: () => Promise<void>): Promise<void> => {
    const watches = { hub: new MemoryWatch(cluster.hub.pid), agent: new MemoryWatch(agent.pid) };
    try {
      await work();
    } finally {
      const grown = Object.entries(watches).map(([name, watch]) => ({ name, bytes: watch.stop() }));
      for (const { name, bytes } of grown) {
        test.diagnostic(`the ${name} grew by ${Math.round(bytes / mib)} MiB`);
        assert.ok(bytes < maxGrowthBytes, `the ${name} grew by ${Math.round(bytes / mib)} MiB`);
      }
    }
  };
  /** Resolves when nothing moves any more through hub and agent. */
  const stalled = (): Promise<void> => standsStill([cluster.hub.pid, agent.pid]);

  describe('kubectl cp', () => {
    it('brings a large file there and back', bound, async (test) => {
      const sum = await writeRandomFile(join(directory, 'up'), fileBytes);
      const there = await timed(test, fileBytes, cp('up', 'box:/tmp/large'));
      assert.deepEqual([there.code, there.stderr], [0, '']);
      assert.equal(await sumIn('box', '/tmp/large'), sum);
      const back = await timed(test, fileBytes, cp('box:/tmp/large', 'down'));
      assert.equal(back.code, 0, back.stderr);
      assert.deepEqual(await digestFile(join(directory, 'down')), { bytes: fileBytes, sha256: sum });
    });

    it('brings a tree there and back', bound, async () => {
      const tree = join(directory, 'tree');
      await mkdir(join(tree, 'deep/er'), { recursive: true });
      await writeFile(join(tree, 'a file'), 'text');
      await writeFile(join(tree, 'empty'), '');
      await writeFile(join(tree, 'deep/er/bytes'), Buffer.from([0, 1, 254, 255]));
      await symlink('../a file', join(tree, 'deep/link'));
      const there = await cp('tree', 'box:/tmp/tree');
      assert.equal(there.code, 0, there.stderr);
      const id = await idOf('box');
      assert.equal(await executeIn(id, ['cat', '/tmp/tree/a file']), 'text');
      assert.equal(await executeIn(id, ['readlink', '/tmp/tree/deep/link']), '../a file\n');
      const back = await cp('box:/tmp/tree', 'copy');
      assert.equal(back.code, 0, back.stderr);
      assert.deepEqual(await readFile(join(directory, 'copy/deep/er/bytes')), Buffer.from([0, 1, 254, 255]));
      assert.equal(await readFile(join(directory, 'copy/empty'), 'utf8'), '');
    });

    it('says what is wrong', bound, async () => {
      // The archive is empty but whole: kubectl may be done before it hears more, but it makes no file.
      await cp('box:/tmp/none', 'none');
      await assert.rejects(readFile(join(directory, 'none')), { code: 'ENOENT' });
      const readOnly = await cp('up', 'box:/proc/none');
      assert.notEqual(readOnly.code, 0);
    });
  });

  describe('port-forward', () => {
    it('serves ten downloads at once', bound, async (test) => {
      const bytes = 10 * mib;
      const id = await idOf('box');
      const script = 'for i in 0 1 2 3 4 5 6 7 8 9; do head -c $0 /dev/urandom > /www/$i; done';
      await executeIn(id, ['sh', '-c', script, String(bytes)]);
      const forward = await PortForward.start(cluster.kubectl, 'pod/box', [8080]);
      const download = async (number: number): Promise<void> => {
        const found = await digest(await forward.get(`/${number}`));
        assert.deepEqual(found, { bytes, sha256: await sumIn('box', `/www/${number}`) });
      };
      await timed(test, 10 * bytes, Promise.all(Array.from({ length: 10 }, (_, number) => download(number))));
      await forward.stop();
    });

    it('serves services and several ports', bound, async () => {
      const service = await PortForward.start(cluster.kubectl, 'service/files', [80]);
      assert.equal((await digest(await service.get('/which'))).bytes, 'second\n'.length);
      await service.stop();
      const two = await PortForward.start(cluster.kubectl, 'pod/box', [8080, 8081]);
      for (const index of [0, 1]) assert.equal((await two.get('/which', index)).statusCode, 200);
      // One connection after the other, each of its own stream.
      for (let count = 0; count < 20; count += 1) {
        const answer = await two.get('/none');
        assert.equal(answer.statusCode, 404);
        answer.resume();
      }
      await two.stop();
    });

    it('passes the end of one direction on while the other goes on', bound, async () => {
      const server = `nc -ll -p 9000 -e sh -c 'wc -c; echo bye'`;
      const readinessProbe = { tcpSocket: { port: 9000 }, periodSeconds: 1 };
      await cluster.kubectl.apply([shellPod('counter', server, { readinessProbe })]);
      await cluster.podReady('counter');
      const forward = await PortForward.start(cluster.kubectl, 'pod/counter', [9000]);
      const socket = connect({ host: '127.0.0.1', port: forward.local(), allowHalfOpen: true });
      const text = new Promise<string>((resolve, reject) => {
        let got = '';
        socket.setEncoding('utf8').on('data', (chunk: string) => {
          got += chunk;
        });
        socket.on('end', () => resolve(got)).on('error', reject);
      });
      socket.end(Buffer.alloc(mib));
      assert.equal(await text, `${mib}\nbye\n`);
      await forward.stop();
    });

    it('says that nothing listens', bound, async () => {
      const forward = await PortForward.start(cluster.kubectl, 'pod/box', [9]);
      const socket = connect({ host: '127.0.0.1', port: forward.local() });
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.on('error', () => undefined).resume();
      socket.write('hello');
      await forward.lines.first((line) => /error occurred forwarding \d+ -> 9.*refused/i.test(line), 'the reason');
      await closed;
      await forward.stop();
    });
  });

  describe('lines at ten megabytes a second', () => {
    // The engine keeps at least 20 MB of a log, which are 11 MB of lines: who falls further behind loses some.
    // So the printer waits for its reader after 8 chunks of 1 MB, and on a machine that keeps up prints 10 MB/s.
    const chunks = (count: number, ahead: number): string => `
      echo 0 > /tmp/read; i=0
      while [ $i -lt ${count} ]; do
        while [ $i -ge $(($(cat /tmp/read) + ${ahead})) ]; do sleep 0.05; done
        awk -v first=$((i * ${chunkLines})) 'BEGIN { for (n = 1; n <= ${chunkLines}; n++) printf "%0${lineBytes - 1}d\\n", first + n }'
        i=$((i + 1)); sleep 0.1
      done`;
    /** Reads all lines, which must be whole and in order, and lets the printer in a container go on. */
    const check = async (child: ChildProcessWithoutNullStreams, id: string, count: number): Promise<void> => {
      const ended = codeOf(child);
      let lines = 0;
      for await (const line of createInterface({ input: child.stdout })) {
        lines += 1;
        if (line.length !== lineBytes - 1 || Number(line) !== lines) assert.fail(`line ${lines} is ${line}`);
        // No more is waited for at the end.
        if (lines % (2 * chunkLines) === 0 && lines <= (count - 8) * chunkLines)
          await executeIn(id, ['sh', '-c', `echo ${lines / chunkLines} > /tmp/next; mv /tmp/next /tmp/read`]);
      }
      assert.deepEqual([await ended, lines], [0, count * chunkLines]);
    };
    const follow = async (test: TestContext, pod: string, count: number): Promise<void> => {
      await cluster.kubectl.apply([shellPod(pod, chunks(count, 8), {}, { restartPolicy: 'Never' })]);
      await cluster.podReady(pod);
      const child = await cluster.kubectl.child(['logs', '-f', pod]);
      await timed(test, count * chunkLines * lineBytes, check(child, await idOf(pod), count));
    };

    it('of a command come whole and in order', bound, async (test) => {
      const count = 100;
      const child = await cluster.kubectl.child(['exec', 'box', '--', 'sh', '-c', chunks(count, 8)]);
      await timed(test, count * chunkLines * lineBytes, check(child, await idOf('box'), count));
    });

    // What fits into one file of the engine.
    it('of a log come whole and in order', bound, (test) => follow(test, 'fast', 5));

    it('of a log come whole and in order while the engine rotates it', bound, (test) => follow(test, 'rotated', 40));

    it('of a log nobody reads make neither hub nor agent grow', bound, async (test) => {
      const count = 150;
      await cluster.kubectl.apply([shellPod('loud', chunks(count, count), {}, { restartPolicy: 'Never' })]);
      await cluster.podReady('loud');
      await bounded(test, async () => {
        const child = await cluster.kubectl.child(['logs', '-f', 'loud']);
        const ended = codeOf(child);
        await cluster.podUntil('loud', 'has ended', ({ status }) => status.phase === 'Succeeded', longMs);
        // What the engine has dropped meanwhile is lost, and that is told; what comes is in order.
        let [last, seen, isTold] = [0, 0, false];
        for await (const line of createInterface({ input: child.stdout })) {
          if (line === missingLogNotice) {
            isTold = true;
            continue;
          }
          assert.ok(isTold ? Number(line) > last : Number(line) === last + 1, `${line} came after ${last}`);
          [last, seen, isTold] = [Number(line), seen + 1, false];
        }
        test.diagnostic(`${seen} of ${count * chunkLines} lines`);
        assert.deepEqual([await ended, last, seen < last], [0, count * chunkLines, true]);
      });
    });
  });

  describe('a reader that has stopped', () => {
    it('of a command makes neither hub nor agent grow, and gets all of it later', bound, async (test) => {
      await bounded(test, async () => {
        const child = await cluster.kubectl.child(['exec', 'box', '--', 'head', '-c', String(heldBytes), '/dev/zero']);
        const ended = codeOf(child);
        await new Promise((resolve) => child.stdout.once('readable', resolve));
        await stalled();
        assert.equal((await digest(child.stdout)).bytes, heldBytes);
        assert.equal(await ended, 0);
      });
    });

    it('of its input makes neither hub nor agent grow, and gets all of it later', bound, async (test) => {
      await bounded(test, async () => {
        const script = 'until [ -e /tmp/listen ]; do sleep 0.1; done; wc -c';
        const child = await cluster.kubectl.child(['exec', '-i', 'box', '--', 'sh', '-c', script]);
        const [ended, printed] = [codeOf(child), digestText(child)];
        let written = 0;
        const block = Buffer.alloc(mib);
        const push = (): void => {
          while (written < heldBytes) {
            written += block.length;
            if (!child.stdin.write(block)) {
              child.stdin.once('drain', push);
              return;
            }
          }
          child.stdin.end();
        };
        push();
        await stalled();
        assert.ok(written < heldBytes, 'all was taken although nobody read it');
        await executeIn(await idOf('box'), ['touch', '/tmp/listen']);
        assert.equal((await printed).trim(), String(heldBytes));
        assert.equal(await ended, 0);
      });
    });

    it('of a download makes neither hub nor agent grow, and gets all of it later', bound, async (test) => {
      // Not httpd's: it gives a reader up after a minute.
      const forward = await PortForward.start(cluster.kubectl, 'pod/box', [9000]);
      // kubectl reads all streams of one connection in turn: who must not be held up has one of his own.
      const other = await PortForward.start(cluster.kubectl, 'pod/box', [8080]);
      await bounded(test, async () => {
        const socket = connect({ host: '127.0.0.1', port: forward.local() });
        await new Promise((resolve) => socket.once('readable', resolve));
        await stalled();
        assert.equal((await digest(await other.get('/which'))).bytes, 'second\n'.length);
        assert.equal((await digest(socket)).bytes, heldBytes);
      });
      await forward.stop();
      await other.stop();
    });
  });

  it('has logged no error', () => assert.deepEqual(cluster.hub.errors(), []));

  async function digestText(child: ChildProcessWithoutNullStreams): Promise<string> {
    let text = '';
    for await (const chunk of child.stdout.setEncoding('utf8')) text += String(chunk);
    return text;
  }
});
