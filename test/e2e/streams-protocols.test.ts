// The protocols below kubectl: exec, attach and port-forward by hand over
// WebSocket (v5, v4, base64 and what came before), by @kubernetes/client-node,
// and by the SPDY fallback that older clients use.
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import {
  Attach,
  Cp,
  Exec,
  KubeConfig,
  PortForward as LibraryPortForward,
  Log,
  type V1Status,
} from '@kubernetes/client-node';
import { digest, digestFile, writeRandomFile } from '../support/bulk.ts';
import { ChannelSocket, RefusedUpgrade } from '../support/channel-socket.ts';
import { TestCluster } from '../support/cluster.ts';
import { executeIn } from '../support/engine.ts';
import { forever, shellPod } from '../support/pods.ts';
import { PortForward } from '../support/port-forward.ts';
import { Terminal } from '../support/terminal.ts';

const spdy = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false', KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false' };
const [stdin, stdout, stderr, status, resize, closing] = [0, 1, 2, 3, 4, 255];
const pods = '/api/v1/namespaces/default/pods';
const mib = 1 << 20;

type Status = {
  status: string;
  reason?: string;
  message?: string;
  details?: { causes?: { reason: string; message: string }[] };
};

/** A stream that hangs must not keep the other tests from running. */
const bound = { timeout: 60_000 };

describe('protocols of streams', { timeout: 600_000 }, () => {
  let cluster: TestCluster;
  let box: string;
  before(async () => {
    cluster = await TestCluster.start();
    await cluster.addAgent({ name: 'solo' });
    const serve = `mkdir /www; echo served > /www/page; httpd -p 8080 -h /www; nc -ll -p 9000 -e cat & ${forever}`;
    const readinessProbe = { tcpSocket: { port: 9000 }, periodSeconds: 1 };
    await cluster.kubectl.apply([
      shellPod('box', serve, { readinessProbe }),
      shellPod('echoing', 'while read line; do echo heard $line; done', { stdin: true }),
    ]);
    await cluster.podReady('echoing');
    const pod = await cluster.podReady('box');
    box = pod.status.containerStatuses?.[0]?.containerID?.replace(/^\w+:\/\//, '') ?? '';
  });
  after(() => cluster?.stop());

  const command = (words: readonly string[], flags: string): string =>
    `${pods}/box/exec?${words.map((word) => `command=${encodeURIComponent(word)}`).join('&')}&${flags}`;
  const open = (path: string, ...protocols: string[]): Promise<ChannelSocket> =>
    ChannelSocket.open(cluster.hub, path, protocols);
  const statusOf = async (socket: ChannelSocket): Promise<Status> => {
    await socket.closed;
    return JSON.parse(String(socket.bytes(status))) as Status;
  };
  const holds = (socket: ChannelSocket, channel: number, text: string): Promise<Buffer> =>
    socket.holds(channel, (bytes) => bytes.includes(text), JSON.stringify(text));

  describe('exec over WebSocket', () => {
    const script = ['sh', '-c', 'echo out; echo err >&2; exit 3'];
    const both = 'stdout=true&stderr=true';

    for (const protocol of ['v5.channel.k8s.io', 'v4.channel.k8s.io', 'v4.base64.channel.k8s.io']) {
      it(`speaks ${protocol}`, bound, async () => {
        const socket = await open(command(script, both), protocol);
        assert.equal(socket.protocol, protocol);
        const found = await statusOf(socket);
        assert.deepEqual([String(socket.bytes(stdout)), String(socket.bytes(stderr))], ['out\n', 'err\n']);
        assert.deepEqual(
          [found.status, found.reason, found.details?.causes],
          ['Failure', 'NonZeroExitCode', [{ reason: 'ExitCode', message: '3' }]],
        );
        const fine = await open(command(['true'], both), protocol);
        assert.equal((await statusOf(fine)).status, 'Success');
      });
    }

    for (const protocols of [['channel.k8s.io'], ['base64.channel.k8s.io'], []]) {
      it(`speaks ${protocols[0] ?? 'to who names no protocol'}, where an error is plain text`, bound, async () => {
        const socket = await open(command(script, both), ...protocols);
        assert.equal(socket.protocol, protocols[0] ?? '');
        await socket.closed;
        assert.deepEqual([String(socket.bytes(stdout)), String(socket.bytes(stderr))], ['out\n', 'err\n']);
        assert.match(String(socket.bytes(status)), /exit(ed with)?( code| status)? 3|exit code: 3/);
      });
    }

    it('picks the first protocol that it knows', bound, async () => {
      const offered = ['v9.channel.k8s.io', 'v5.channel.k8s.io', 'v4.channel.k8s.io'];
      const socket = await open(command(['true'], both), ...offered);
      assert.equal(socket.protocol, 'v5.channel.k8s.io');
      assert.equal((await statusOf(socket)).status, 'Success');
      const older = await open(command(['true'], both), 'v4.channel.k8s.io', 'channel.k8s.io');
      assert.equal(older.protocol, 'v4.channel.k8s.io');
      await older.closed;
    });

    it('passes input on; v5 can end it', bound, async () => {
      const socket = await open(
        command(['sh', '-c', 'wc -c; echo after'], 'stdin=true&stdout=true'),
        'v5.channel.k8s.io',
      );
      for (let count = 0; count < 10; count += 1) socket.send(stdin, Buffer.alloc(10_000));
      socket.send(closing, Buffer.from([stdin]));
      assert.equal((await statusOf(socket)).status, 'Success');
      assert.equal(String(socket.bytes(stdout)), '100000\nafter\n');
    });

    it('ends the input of v4 with its connection', bound, async () => {
      const words = ['sh', '-c', 'cat > /tmp/v4; echo done >> /tmp/v4'];
      const socket = await open(command(words, 'stdin=true&stdout=true'), 'v4.channel.k8s.io');
      socket.send(stdin, 'hello\n');
      await cluster.until('the input has come', async () =>
        (await executeIn(box, ['cat', '/tmp/v4'])) === 'hello\n' ? true : undefined,
      );
      socket.close();
      await cluster.until('the input has ended', async () =>
        (await executeIn(box, ['cat', '/tmp/v4'])) === 'hello\ndone\n' ? true : undefined,
      );
    });

    it('has a terminal that is resized', bound, async () => {
      const socket = await open(command(['sh'], 'stdin=true&stdout=true&tty=true'), 'v5.channel.k8s.io');
      const shows = async (size: object, text: string): Promise<void> => {
        socket.send(resize, JSON.stringify(size));
        socket.send(stdin, `until [ "$(stty size)" = "${text}" ]; do sleep 0.1; done; echo size" is ${text}"\n`);
        await holds(socket, stdout, `size is ${text}\r\n`);
      };
      await shows({ Width: 90, Height: 30 }, '30 90');
      // @kubernetes/client-node writes the names in lower case.
      await shows({ width: 100, height: 35 }, '35 100');
      socket.send(stdin, 'exit 4\n');
      const { details } = await statusOf(socket);
      assert.deepEqual(details?.causes, [{ reason: 'ExitCode', message: '4' }]);
    });

    it('refuses what it does not understand', bound, async () => {
      const refused = async (path: string, ...protocols: string[]): Promise<RefusedUpgrade> => {
        try {
          (await open(path, ...protocols)).terminate();
        } catch (error) {
          if (error instanceof RefusedUpgrade) return error;
          throw error;
        }
        throw new Error(`${path} was not refused`);
      };
      const unknown = await refused(command(['true'], both), 'v9.channel.k8s.io');
      assert.ok(unknown.code >= 400 && unknown.code < 500, unknown.message);
      assert.equal((await refused(`${pods}/none/exec?command=true&stdout=true`, 'v5.channel.k8s.io')).code, 404);
      assert.equal((await refused(command(['true'], 'stdin=false'), 'v5.channel.k8s.io')).code, 400);
      const anonymous = await cluster.hub.request('GET', command(['true'], both), { anonymous: true });
      assert.ok([401, 403].includes(anonymous.code), String(anonymous.code));
    });

    it('survives nonsense', bound, async () => {
      const socket = await open(command(['cat'], 'stdin=true&stdout=true'), 'v5.channel.k8s.io');
      socket.send(resize, 'no JSON');
      socket.send(resize, JSON.stringify({ Width: -1, Height: 1e9 }));
      socket.send(77, 'no such channel');
      socket.send(stdout, 'not for clients');
      socket.terminate();
      const fine = await open(command(['echo', 'well'], both), 'v5.channel.k8s.io');
      assert.equal((await statusOf(fine)).status, 'Success');
      assert.equal(String(fine.bytes(stdout)), 'well\n');
    });
  });

  describe('@kubernetes/client-node', () => {
    let config: KubeConfig;
    before(() => {
      config = new KubeConfig();
      config.loadFromFile(cluster.hub.kubeconfig);
    });
    const collect = (): { stream: PassThrough; text: () => string } => {
      const stream = new PassThrough();
      let text = '';
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      return { stream, text: () => text };
    };
    const contains = (what: { text: () => string }, part: string): Promise<true> =>
      cluster.until(`${JSON.stringify(part)} came`, async () => (what.text().includes(part) ? true : undefined));
    /** An Exec that tells how its last command ended. */
    class WatchedExec extends Exec {
      ended: Promise<V1Status> | undefined;
      override exec(...args: Parameters<Exec['exec']>): ReturnType<Exec['exec']> {
        const told = args[8];
        let opened: ReturnType<Exec['exec']> | undefined;
        this.ended = new Promise((resolve) => {
          args[8] = (found): void => {
            told?.(found);
            resolve(found);
          };
          opened = super.exec(...args);
        });
        if (opened === undefined) throw new Error('nothing was executed');
        return opened;
      }
    }

    it('executes', bound, async () => {
      const exec = new WatchedExec(config);
      const [out, err] = [collect(), collect()];
      const input = new PassThrough();
      input.end('from outside\n');
      const words = ['sh', '-c', 'read a; echo got $a; echo err >&2; exit 6'];
      await exec.exec('default', 'box', 'main', words, out.stream, err.stream, input, false);
      const ended = await exec.ended;
      assert.equal(ended?.details?.causes?.[0]?.message, '6');
      await contains(err, 'err\n');
      assert.deepEqual([out.text(), err.text()], ['got from outside\n', 'err\n']);
    });

    it('attaches', bound, async () => {
      const out = collect();
      const input = new PassThrough();
      const socket = await new Attach(config).attach('default', 'echoing', 'main', out.stream, null, input, false);
      input.write('a word\n');
      await contains(out, 'heard a word\n');
      socket.close();
    });

    it('copies both ways', bound, async () => {
      const directory = join(cluster.kubectl.home, 'library');
      await mkdir(join(directory, 'up'), { recursive: true });
      const sum = await writeRandomFile(join(directory, 'up/file'), 5 * mib);
      const up = new WatchedExec(config);
      await executeIn(box, ['mkdir', '/tmp/library']);
      await new Cp(config, up).cpToPod('default', 'box', 'main', join(directory, 'up'), '/tmp/library');
      assert.equal((await up.ended)?.status, 'Success');
      assert.match(await executeIn(box, ['sha256sum', '/tmp/library/file']), new RegExp(`^${sum} `));
      const down = new WatchedExec(config);
      const target = join(directory, 'down');
      await new Cp(config, down).cpFromPod('default', 'box', 'main', 'file', target, '/tmp/library');
      assert.equal((await down.ended)?.status, 'Success');
      await cluster.until('the file is whole', async () =>
        (await digestFile(join(target, 'file'))).sha256 === sum ? true : undefined,
      );
    });

    it('follows logs', bound, async () => {
      const script = 'echo up; until [ -e /tmp/go ]; do sleep 0.1; done; echo first; echo second';
      await cluster.kubectl.apply([shellPod('talking', script, {}, { restartPolicy: 'Never' })]);
      const { status: found } = await cluster.podReady('talking');
      const out = collect();
      const ended = new Promise((resolve) => out.stream.once('end', resolve));
      await new Log(config).log('default', 'talking', 'main', out.stream, { follow: true });
      await contains(out, 'up\n');
      await executeIn(found.containerStatuses?.[0]?.containerID?.replace(/^\w+:\/\//, '') ?? '', ['touch', '/tmp/go']);
      await ended;
      assert.equal(out.text(), 'up\nfirst\nsecond\n');
    });

    it('forwards a port', bound, async () => {
      const [out, err] = [collect(), collect()];
      const input = new PassThrough();
      const forward = new LibraryPortForward(config);
      const socket = await forward.portForward('default', 'box', [9000], out.stream, err.stream, input);
      input.write('echo this\n');
      await contains(out, 'echo this\n');
      assert.equal(err.text(), '');
      if (typeof socket !== 'function') socket.close();
    });
  });

  describe('port-forward over WebSocket channels', () => {
    it('says the port first, then what comes from it', bound, async () => {
      // A pair of channels for each port: data and error. Port numbers have two bytes, the low one first.
      const socket = await open(`${pods}/box/portforward?ports=8080&ports=9000`, 'v4.channel.k8s.io');
      assert.equal(socket.protocol, 'v4.channel.k8s.io');
      socket.send(2, 'echo\n');
      await holds(socket, 2, 'echo\n');
      socket.send(0, 'GET /page HTTP/1.0\r\n\r\n');
      await holds(socket, 0, 'served\n');
      const low = (port: number): number[] => [port & 255, port >> 8];
      for (const [channel, port] of [
        [0, 8080],
        [1, 8080],
        [2, 9000],
        [3, 9000],
      ] as const)
        assert.deepEqual([...socket.bytes(channel).subarray(0, 2)], low(port), `channel ${channel}`);
      assert.equal(String(socket.bytes(2).subarray(2)), 'echo\n');
      socket.close();
    });

    it('says on the error channel that nothing listens', bound, async () => {
      const socket = await open(`${pods}/box/portforward?ports=9`, 'v4.channel.k8s.io');
      await socket.holds(1, (bytes) => /refused/i.test(String(bytes)), 'the reason');
      await socket.closed;
    });
  });

  describe('kubectl over SPDY', () => {
    const kubectl = (args: readonly string[], input?: string): ReturnType<typeof cluster.kubectl.run> =>
      cluster.kubectl.run(args, { env: spdy, ...(input === undefined ? {} : { stdin: input }) });

    it('executes', bound, async () => {
      const failed = await kubectl(['exec', 'box', '--', 'sh', '-c', 'echo out; echo err >&2; exit 9']);
      assert.deepEqual([failed.code, failed.stdout], [9, 'out\n']);
      assert.match(failed.stderr, /^err$/m);
      const counted = await kubectl(['exec', '-i', 'box', '--', 'sh', '-c', 'wc -c; echo after'], 'x'.repeat(300_000));
      assert.deepEqual([counted.code, counted.stdout], [0, '300000\nafter\n']);
      const much = await kubectl(['exec', 'box', '--', 'seq', '1', '200000']);
      assert.deepEqual([much.code, much.stdout.length, much.stdout.slice(-7)], [0, 1_288_895, '200000\n']);
    });

    it('says why it can not', bound, async () => {
      const { code, stderr } = await kubectl(['exec', 'box', '-c', 'main', '--', 'nonesuch']);
      assert.notEqual(code, 0);
      assert.match(stderr, /executable file not found|exit code 12[67]/);
      assert.match((await kubectl(['exec', 'none', '--', 'true'])).stderr, /pods "none" not found/);
    });

    it('has a terminal that is resized', bound, async () => {
      const size = { rows: 33, columns: 99 };
      const terminal = await Terminal.open(cluster.kubectl, ['exec', '-it', 'box', '--', 'sh'], size, spdy);
      await terminal.see(/# /);
      const until = (text: string): string =>
        `until [ "$(stty size)" = "${text}" ]; do sleep 0.1; done; echo it "is"\n`;
      terminal.type(until('33 99'));
      await terminal.see(/^it is\r$/m);
      await terminal.resize({ rows: 44, columns: 111 });
      terminal.type(until('44 111'));
      await terminal.see(/^it is\r$/m);
      terminal.type('exit 8\n');
      assert.equal(await terminal.ended, 8);
    });

    it('attaches', bound, async () => {
      const child = await cluster.kubectl.child(['attach', '-i', 'echoing'], { env: spdy });
      child.stdin.write('by frames\n');
      let text = '';
      for await (const chunk of child.stdout.setEncoding('utf8')) {
        text += String(chunk);
        if (text.includes('heard by frames\n')) break;
      }
      assert.match(text, /heard by frames\n/);
      child.kill('SIGKILL');
    });

    it('copies both ways', bound, async () => {
      const directory = join(cluster.kubectl.home, 'spdy');
      await mkdir(directory, { recursive: true });
      const sum = await writeRandomFile(join(directory, 'up'), 20 * mib);
      const cp = (...args: string[]): ReturnType<typeof cluster.kubectl.run> =>
        cluster.kubectl.run(['cp', ...args], { cwd: directory, env: spdy });
      assert.equal((await cp('up', 'box:/tmp/spdy')).code, 0);
      assert.equal((await cp('box:/tmp/spdy', 'down')).code, 0);
      assert.equal((await digestFile(join(directory, 'down'))).sha256, sum);
    });

    it('forwards ports', bound, async () => {
      await executeIn(box, ['sh', '-c', `head -c ${5 * mib} /dev/urandom > /www/bytes`]);
      const sum = (await executeIn(box, ['sha256sum', '/www/bytes'])).split(' ')[0];
      const forward = await PortForward.start(cluster.kubectl, 'pod/box', [8080, 9000], spdy);
      const downloads = Array.from({ length: 5 }, async () => (await digest(await forward.get('/bytes'))).sha256);
      for (const found of await Promise.all(downloads)) assert.equal(found, sum);
      await forward.stop();
    });

    it('is refused without an upgrade', bound, async () => {
      for (const method of ['POST', 'GET']) {
        const { code, text } = await cluster.hub.request(method, command(['true'], 'stdout=true'));
        assert.equal(code, 400, text);
        assert.match(text, /Upgrade request required/);
      }
    });
  });

  it('has logged no error', () => assert.deepEqual(cluster.hub.errors(), []));
});
