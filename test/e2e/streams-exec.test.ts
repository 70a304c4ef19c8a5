// kubectl exec and attach in real containers: output, exit codes, input and its
// end, terminals that are resized, what stays of them in the container, and
// many at once.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { TestAgent } from '../support/agent.ts';
import { TestCluster } from '../support/cluster.ts';
import { executeIn, images } from '../support/engine.ts';
import { openFiles } from '../support/memory.ts';
import { forever, podOf, shell, shellPod } from '../support/pods.ts';
import { Terminal } from '../support/terminal.ts';

const size = { rows: 40, columns: 120 };

/** A stream that hangs must not keep the other tests from running. */
const bound = { timeout: 60_000 };

describe('exec and attach', { timeout: 600_000 }, () => {
  let cluster: TestCluster;
  let agent: TestAgent;
  let box: string;
  before(async () => {
    cluster = await TestCluster.start();
    agent = await cluster.addAgent({ name: 'solo' });
    await cluster.kubectl.apply([shellPod('box')]);
    box = await idOf('box');
  });
  after(() => cluster?.stop());

  /** The engine's id of a pod's first container, when it is ready. */
  async function idOf(pod: string): Promise<string> {
    const { status } = await cluster.podReady(pod);
    return status.containerStatuses?.[0]?.containerID?.replace(/^\w+:\/\//, '') ?? '';
  }
  const exec = (...args: string[]): ReturnType<typeof cluster.kubectl.run> => cluster.kubectl.run(['exec', ...args]);
  /** Commands that run in the box. */
  const processes = async (): Promise<string[]> => (await executeIn(box, ['ps', '-o', 'args'])).split('\n');
  const runs = (command: string): Promise<true> =>
    cluster.until(`${command} runs`, async () => ((await processes()).includes(command) ? true : undefined));
  const runsNoMore = (command: string): Promise<true> =>
    cluster.until(`${command} has ended`, async () => ((await processes()).includes(command) ? undefined : true));

  describe('exec', () => {
    it('gives output, errors and the exit code', bound, async () => {
      assert.deepEqual(await exec('box', '--', 'sh', '-c', 'echo out; echo err >&2'), {
        code: 0,
        stdout: 'out\n',
        stderr: 'err\n',
      });
      const { code, stdout, stderr } = await exec('box', '--', 'sh', '-c', 'echo out; exit 42');
      assert.deepEqual([code, stdout], [42, 'out\n']);
      assert.match(stderr, /^command terminated with exit code 42$/m);
      assert.equal((await exec('box', '--', 'sh', '-c', 'kill -9 $$')).code, 137);
      // Arguments arrive as they are.
      const words = ['a b', '', '"$HOME"', "it's", '*', 'ä\n'];
      const printed = await exec('box', '--', 'printf', '[%s]', ...words);
      assert.equal(printed.stdout, words.map((word) => `[${word}]`).join(''));
    });

    it('gives much output whole', bound, async () => {
      const { code, stdout } = await exec('box', '--', 'seq', '1', '300000');
      assert.equal(code, 0);
      const lines = stdout.trimEnd().split('\n');
      assert.equal(lines.length, 300_000);
      assert.ok(lines.every((line, index) => line === String(index + 1)));
    });

    it('runs with the environment and directory of the container', bound, async () => {
      const spec = { image: images.one, workingDir: '/tmp', env: [{ name: 'COLOR', value: 'blue' }] };
      await cluster.kubectl.apply([shellPod('settled', forever, spec)]);
      await cluster.podReady('settled');
      const { stdout } = await exec('settled', '--', 'sh', '-c', 'pwd; echo $COLOR; hostname');
      assert.equal(stdout, '/tmp\nblue\nsettled\n');
    });

    it('passes input on, and its end, while output goes on', bound, async () => {
      const counted = await cluster.kubectl.run(['exec', '-i', 'box', '--', 'sh', '-c', 'wc -c; echo after'], {
        stdin: 'x'.repeat(100_000),
      });
      assert.deepEqual([counted.code, counted.stdout], [0, '100000\nafter\n']);
      // Without -i there is no input: the command reads an end at once.
      const none = await cluster.kubectl.run(['exec', 'box', '--', 'wc', '-c'], { stdin: 'unheard' });
      assert.equal(none.stdout, '0\n');
      // A command need not read its input.
      const deaf = await cluster.kubectl.run(['exec', '-i', 'box', '--', 'echo', 'deaf'], {
        stdin: 'x'.repeat(1_000_000),
      });
      assert.deepEqual([deaf.code, deaf.stdout], [0, 'deaf\n']);
    });

    it('passes any bytes on', bound, async () => {
      const bytes = randomBytes(5_000_000);
      const path = join(cluster.kubectl.home, 'bytes');
      await writeFile(path, bytes);
      const child = await cluster.kubectl.child(['exec', '-i', 'box', '--', 'cat']);
      const hash = createHash('sha256');
      child.stdout.on('data', (chunk: Buffer) => hash.update(chunk));
      createReadStream(path).pipe(child.stdin);
      const code = await new Promise((resolve) => child.once('close', resolve));
      assert.equal(code, 0);
      assert.equal(hash.digest('hex'), createHash('sha256').update(bytes).digest('hex'));
    });

    it('answers while the input is open', bound, async () => {
      const child = await cluster.kubectl.child([
        'exec',
        '-i',
        'box',
        '--',
        'sh',
        '-c',
        'while read word; do echo heard $word; done',
      ]);
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.stdout.setEncoding('utf8');
      for (const word of ['one', 'two', 'three']) {
        child.stdin.write(`${word}\n`);
        const [chunk] = (await new Promise((resolve) =>
          child.stdout.once('data', (...got) => resolve(got)),
        )) as string[];
        assert.equal(chunk, `heard ${word}\n`);
      }
      child.stdin.end();
      assert.equal(await ended, 0);
    });

    it('picks a container', bound, async () => {
      await cluster.kubectl.apply([
        podOf('pair', {
          containers: [
            shell('left', forever, { env: [{ name: 'ME', value: 'left' }] }),
            shell('right', forever, { env: [{ name: 'ME', value: 'right' }] }),
          ],
        }),
      ]);
      await cluster.podReady('pair');
      const ask = ['--', 'sh', '-c', 'echo $ME'];
      const first = await exec('pair', ...ask);
      assert.equal(first.stdout, 'left\n');
      assert.match(first.stderr, /Defaulted container "left" out of: left, right/);
      assert.equal((await exec('pair', '-c', 'right', ...ask)).stdout, 'right\n');
      await cluster.kubectl.ok(['annotate', 'pod', 'pair', 'kubectl.kubernetes.io/default-container=right']);
      assert.deepEqual(await exec('pair', ...ask), { code: 0, stdout: 'right\n', stderr: '' });
    });

    it('says why it can not', bound, async () => {
      await cluster.kubectl.apply([
        shellPod('waiting', forever, { image: 'skerry-test/none:1', imagePullPolicy: 'Never' }),
        shellPod('unbound', forever, {}, { nodeSelector: { nowhere: 'true' } }),
        shellPod('done', 'exit 0', {}, { restartPolicy: 'Never' }),
      ]);
      await cluster.podUntil('done', 'has ended', (pod) => pod.status.phase === 'Succeeded');
      await cluster.podUntil(
        'waiting',
        'waits',
        (pod) => pod.status.containerStatuses?.[0]?.state.waiting?.reason === 'ErrImageNeverPull',
      );
      const refused = async (...args: string[]): Promise<string> =>
        cluster.kubectl.fails(['exec', ...args, '--', 'true']);
      assert.match(await refused('missing'), /Error from server \(NotFound\): pods "missing" not found/);
      assert.match(await refused('unbound'), /\(BadRequest\): pod unbound does not have a host assigned/);
      assert.match(await refused('box', '-c', 'middle'), /container middle is not valid for pod box/);
      assert.match(await refused('waiting'), /container not found \("main"\)/);
      assert.match(
        await refused('done'),
        /cannot exec into a container in a completed pod; current phase is Succeeded/,
      );
      const { code, stderr } = await exec('box', '--', 'nonesuch');
      assert.notEqual(code, 0);
      assert.match(stderr, /executable file not found|exit code 12[67]/);
    });
  });

  describe('in a terminal', () => {
    const open = (...args: string[]): Promise<Terminal> => Terminal.open(cluster.kubectl, args, size);

    it('has its size, and each new size', bound, async () => {
      const terminal = await open('exec', '-it', 'box', '--', 'sh');
      await terminal.see(/# /);
      // A size is on its way while the next command is.
      const until = (found: string): string =>
        `while [ "$(stty size)" != "${found}" ]; do sleep 0.1; done; echo it "is"\n`;
      terminal.type(until('40 120'));
      await terminal.see(/^it is\r$/m);
      await terminal.resize({ rows: 50, columns: 132 });
      terminal.type(until('50 132'));
      await terminal.see(/^it is\r$/m);
      terminal.type('echo $TERM; exit 7\n');
      assert.equal(await terminal.ended, 7);
    });

    it('interrupts and ends input by keys', bound, async () => {
      const terminal = await open('exec', '-it', 'box', '--', 'sh');
      await terminal.see(/# /);
      terminal.type('sleep 4001\n');
      await runs('sleep 4001');
      terminal.type('\x03');
      await terminal.see(/# /);
      await runsNoMore('sleep 4001');
      terminal.type('echo status $?\n');
      await terminal.see(/^status 130\r$/m);
      terminal.type('\x04');
      assert.equal(await terminal.ended, 0);
    });

    it('shows errors beside output', bound, async () => {
      const terminal = await open('exec', '-it', 'box', '--', 'ls', '/none', '/version');
      await terminal.see(/No such file or directory/);
      assert.equal(await terminal.ended, 1);
      assert.match(terminal.text, /\/version/);
    });
  });

  describe('attach', () => {
    it('gives what is printed from then on', bound, async () => {
      const script = `
        echo before
        while [ ! -e /tmp/attached ]; do sleep 0.1; done
        i=0; while [ ! -e /tmp/enough ]; do i=$((i+1)); echo $i; sleep 0.1; done
        echo last`;
      await cluster.kubectl.apply([shellPod('attached', script, {}, { restartPolicy: 'Never' })]);
      const id = await idOf('attached');
      const attached = await cluster.kubectl.stream(['attach', 'attached']);
      await executeIn(id, ['touch', '/tmp/attached']);
      await attached.line(/^\d+$/);
      await executeIn(id, ['touch', '/tmp/enough']);
      const { code, stdout } = await attached.ended;
      const lines = stdout.trimEnd().split('\n');
      assert.deepEqual([code, lines.at(-1)], [0, 'last']);
      const first = Number(lines[0]);
      assert.ok(first >= 1, `the first line is ${lines[0]}`);
      assert.deepEqual(
        lines.slice(0, -1),
        lines.slice(0, -1).map((_, index) => String(first + index)),
      );
    });

    it('passes input on, and leaves the container running', bound, async () => {
      await cluster.kubectl.apply([shellPod('echoing', 'while read line; do echo heard $line; done', { stdin: true })]);
      await cluster.podReady('echoing');
      for (const word of ['one', 'two']) {
        const child = await cluster.kubectl.child(['attach', '-i', 'echoing']);
        child.stdin.write(`${word}\n`);
        child.stdout.setEncoding('utf8');
        let text = '';
        for await (const chunk of child.stdout) {
          text += String(chunk);
          if (text.includes(`heard ${word}\n`)) break;
        }
        assert.ok(text.includes(`heard ${word}\n`), text);
        child.kill('SIGKILL');
      }
      const { status } = await cluster.pod('echoing');
      assert.equal(status.containerStatuses?.[0]?.restartCount, 0);
    });

    it('ends the input of a container that wants it once', bound, async () => {
      const spec = { stdin: true, stdinOnce: true };
      await cluster.kubectl.apply([shellPod('once', 'wc -c', spec, { restartPolicy: 'Never' })]);
      await cluster.podReady('once');
      const { code, stdout } = await cluster.kubectl.run(['attach', '-i', 'once'], { stdin: 'x'.repeat(1000) });
      assert.deepEqual([code, stdout.trim()], [0, '1000']);
      await cluster.podUntil('once', 'has ended', (pod) => pod.status.phase === 'Succeeded');
    });

    it('serves kubectl run', bound, async () => {
      const run = ['run', 'passing', `--image=${images.one}`, '--restart=Never', '--rm', '-i', '--'];
      const { code, stdout } = await cluster.kubectl.run([...run, 'sh', '-c', 'read a; echo got $a; exit 5'], {
        stdin: 'this\n',
      });
      assert.match(stdout, /^got this$/m);
      assert.equal(code, 5);
      await cluster.podGone('passing');
    });

    it('serves kubectl run in a terminal', bound, async () => {
      const run = ['run', 'typed', `--image=${images.one}`, '--restart=Never', '--rm', '-it', '--', 'sh'];
      const terminal = await Terminal.open(cluster.kubectl, run, size);
      await terminal.see(/# /, 40_000);
      terminal.type('tty; echo done$((1+1))\n');
      await terminal.see(/^\/dev\/(pts\/\d+|console)\r$/m);
      await terminal.see(/^done2\r$/m);
      terminal.type('exit\n');
      assert.equal(await terminal.ended, 0);
      await cluster.podGone('typed');
    });
  });

  describe('a client that goes away', () => {
    it('ends what reads its input', bound, async () => {
      const child = await cluster.kubectl.child(['exec', '-i', 'box', '--', 'tee', '/tmp/teed']);
      child.stdin.write('hello\n');
      await runs('tee /tmp/teed');
      child.kill('SIGKILL');
      await runsNoMore('tee /tmp/teed');
    });

    it('ends the shell of its terminal, as a hang-up does', bound, async () => {
      const terminal = await Terminal.open(cluster.kubectl, ['exec', '-it', 'box', '--', 'ash', '-i'], size);
      await terminal.see(/# /);
      await runs('ash -i');
      await terminal.close();
      await runsNoMore('ash -i');
    });

    it('leaves other commands running, as Kubernetes does', bound, async () => {
      const script = 'echo up; until [ -e /tmp/gone ]; do sleep 0.1; done; touch /tmp/ran-on';
      const child = await cluster.kubectl.child(['exec', 'box', '--', 'sh', '-c', script]);
      await new Promise((resolve) => child.stdout.once('data', resolve));
      const open = openFiles(agent.pid);
      child.kill('SIGKILL');
      await cluster.until('the agent has heard of it', async () => (openFiles(agent.pid) < open ? true : undefined));
      await executeIn(box, ['touch', '/tmp/gone']);
      await cluster.until('the command has gone on', async () => {
        await executeIn(box, ['ls', '/tmp/ran-on']);
        return true;
      });
    });

    // Docker would let it print on at full speed.
    it('ends what prints to nobody', bound, async () => {
      const child = await cluster.kubectl.child(['exec', 'box', '--', 'cat', '/dev/zero']);
      await new Promise((resolve) => child.stdout.once('data', resolve));
      child.kill('SIGKILL');
      await runsNoMore('cat /dev/zero');
    });

    it('leaves nothing open in the hub and the agent', bound, async () => {
      await exec('box', '--', 'true');
      const before_ = [openFiles(cluster.hub.pid), openFiles(agent.pid)];
      for (let round = 0; round < 5; round += 1) {
        const child = await cluster.kubectl.child(['exec', '-i', 'box', '--', 'sh', '-c', 'echo up; cat >/dev/null']);
        await new Promise((resolve) => child.stdout.once('data', resolve));
        child.kill('SIGKILL');
      }
      await cluster.until('all is closed', async () => {
        const now = [openFiles(cluster.hub.pid), openFiles(agent.pid)];
        if (now.some((count, index) => count > (before_[index] ?? 0))) throw new Error(`${before_} grew to ${now}`);
        return true;
      });
    });
  });

  it('does fifty at once', bound, async () => {
    const one = async (number: number): Promise<void> => {
      const script = `read word; seq 1 2000; echo ${number} $word; exit ${number}`;
      const { code, stdout } = await cluster.kubectl.run(['exec', '-i', 'box', '--', 'sh', '-c', script], {
        stdin: `word-${number}\n`,
      });
      const lines = stdout.trimEnd().split('\n');
      assert.deepEqual(
        [code, lines.length, lines.at(-2), lines.at(-1)],
        [number, 2001, '2000', `${number} word-${number}`],
      );
    };
    await Promise.all(Array.from({ length: 50 }, (_, number) => one(number)));
    assert.deepEqual(cluster.hub.errors(), []);
  });
});
