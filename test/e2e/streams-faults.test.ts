// Streams through the tunnel when something between breaks: a link that falls
// silent or is reset, an agent or a hub that is killed. Each stream ends in
// bounded time and says why, and all works again afterwards.
import assert from 'node:assert/strict';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { Link, type TestAgent } from '../support/agent.ts';
import { TestCluster } from '../support/cluster.ts';
import { executeIn } from '../support/engine.ts';
import { forever, shellPod } from '../support/pods.ts';
import { PortForward } from '../support/port-forward.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { Terminal } from '../support/terminal.ts';

/** Silence on a link is found out by keepalives of two seconds. */
const endWithinMs = 30_000;

type End = { name: string; code: number; text: string };

/** Resolves with the first piece of output. */
const firstData = (stream: NodeJS.ReadableStream): Promise<unknown> =>
  new Promise((resolve) => stream.once('data', resolve));

/** A running kubectl, with all that it prints on stderr and the end of what it prints on stdout. */
function follow(name: string, child: ChildProcessWithoutNullStreams): Promise<End> {
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    out = (out + chunk.toString('latin1')).slice(-2000);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += String(chunk);
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ name, code: code ?? -1, text: err + out })));
}

class OpenStreams {
  readonly #ends = new Map<string, Promise<End>>();
  #socket: Socket | undefined;

  /** Opens one of each kind to a pod; resolves when data has come through each. */
  static async open(cluster: TestCluster, pod: string): Promise<OpenStreams> {
    const streams = new OpenStreams();
    const { kubectl } = cluster;
    const start = async (name: string, args: readonly string[], input = ''): Promise<void> => {
      const child = await kubectl.child(args);
      child.stdin.on('error', () => undefined);
      child.stdin.write(input);
      streams.#ends.set(name, follow(name, child));
      await firstData(child.stdout);
    };
    await start('exec', ['exec', pod, '--', 'sh', '-c', 'echo up; sleep 5000']);
    await start('exec -i', ['exec', '-i', pod, '--', 'tee', '/tmp/teed'], 'hello\n');
    await start('exec with much output', ['exec', pod, '--', 'cat', '/dev/zero']);
    await start('attach', ['attach', pod]);
    await start('logs', ['logs', '-f', pod]);
    const terminal = await Terminal.open(kubectl, ['exec', '-it', pod, '--', 'sh'], { rows: 24, columns: 80 });
    await terminal.see(/# /);
    streams.#ends.set(
      'exec -it',
      terminal.ended.then((code) => ({ name: 'exec -it', code, text: terminal.text })),
    );
    const forward = await PortForward.start(kubectl, `pod/${pod}`, [9000]);
    const name = 'port-forward';
    streams.#ends.set(
      name,
      forward.ended.then((code) => ({ name, code, text: forward.lines.all.join('\n') })),
    );
    streams.#socket = connect({ host: '127.0.0.1', port: forward.local() });
    streams.#socket.on('error', () => undefined).write('hello\n');
    await firstData(streams.#socket);
    return streams;
  }

  /** Waits until all have ended. @throws Error naming those that have not */
  async ended(): Promise<Map<string, End>> {
    const open = new Set(this.#ends.keys());
    const found = new Map<string, End>();
    const all = [...this.#ends].map(async ([name, end]) => {
      found.set(name, await end);
      open.delete(name);
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const fail = (): void => reject(new Error(`still open after ${endWithinMs / 1000} s: ${[...open].join(', ')}`));
      timer = setTimeout(fail, endWithinMs);
    });
    try {
      await Promise.race([Promise.all(all), late]);
    } finally {
      clearTimeout(timer);
      this.#socket?.destroy();
    }
    return found;
  }
}

/** A stream that hangs must not keep the other tests from running. */
const bound = { timeout: 120_000 };

describe('streams when something breaks', { timeout: 600_000 }, () => {
  let cluster: TestCluster;
  let proxy: TcpProxy;
  let far: TestAgent;
  let near: TestAgent;
  before(async () => {
    cluster = await TestCluster.start();
    proxy = await TcpProxy.start({ port: Number(new URL(cluster.hub.mqttUrl).port) });
    far = await cluster.addAgent({ name: 'far', link: await Link.create() });
    near = await cluster.addAgent({ name: 'near', hubUrl: `mqtts://127.0.0.1:${proxy.port}` });
    const script = `nc -ll -p 9000 -e cat & while :; do echo tick; sleep 0.5; done`;
    // By a command: an agent in a namespace of its own has no way to the pods' addresses.
    const listens = ['sh', '-c', 'netstat -ltn | grep -q :9000'];
    const readinessProbe = { exec: { command: listens }, periodSeconds: 1 };
    await cluster.kubectl.apply(
      ['far', 'near'].map((name) =>
        shellPod(`on-${name}`, script, { readinessProbe }, { nodeSelector: { 'kubernetes.io/hostname': name } }),
      ),
    );
    for (const name of ['far', 'near']) await cluster.podReady(`on-${name}`);
  });
  after(async () => {
    await proxy?.stop();
    await cluster?.stop();
  });

  const idOf = async (pod: string): Promise<string> =>
    (await cluster.pod(pod)).status.containerStatuses?.[0]?.containerID?.replace(/^\w+:\/\//, '') ?? '';
  /** All have failed, and say that the node was lost. */
  const assertLost = (ends: Map<string, End>, node: string): void => {
    for (const { name, code, text } of ends.values()) {
      assert.notEqual(code, 0, `${name} ended well`);
      const reason =
        name === 'port-forward' ? /lost connection to pod/ : new RegExp(`connection to node ${node} was lost`);
      assert.match(text, reason, name);
    }
  };
  const works = async (pod: string): Promise<void> => {
    await cluster.until(`exec into ${pod} works`, async () => {
      const { code, stdout, stderr } = await cluster.kubectl.run(['exec', pod, '--', 'echo', 'fine']);
      if (code !== 0) throw new Error(stderr);
      return stdout === 'fine\n' ? true : undefined;
    });
  };
  /** What read its input without a terminal has seen its end. */
  const nothingReads = (id: string): Promise<true> =>
    cluster.until('what read its input has ended', async () => {
      const processes = (await executeIn(id, ['ps', '-o', 'args'])).split('\n');
      return processes.includes('tee /tmp/teed') ? undefined : true;
    });

  it('end when the link falls silent', bound, async () => {
    const streams = await OpenStreams.open(cluster, 'on-far');
    await far.link?.cut();
    assertLost(await streams.ended(), 'far');
    const { stderr } = await cluster.kubectl.run(['exec', 'on-far', '--', 'true']);
    assert.match(stderr, /far.*not connected/i);
    await nothingReads(await idOf('on-far'));
    await far.link?.heal();
    await cluster.nodeReady('far', 'True', 60_000);
    await works('on-far');
  });

  it('end when the connection is reset', bound, async () => {
    const streams = await OpenStreams.open(cluster, 'on-near');
    proxy.cut();
    assertLost(await streams.ended(), 'near');
    await nothingReads(await idOf('on-near'));
    proxy.heal();
    await cluster.nodeReady('near', 'True', 60_000);
    await works('on-near');
  });

  it('end when the agent is killed', bound, async () => {
    const streams = await OpenStreams.open(cluster, 'on-near');
    await near.kill9();
    assertLost(await streams.ended(), 'near');
    await nothingReads(await idOf('on-near'));
    await near.start();
    await cluster.nodeReady('near', 'True', 60_000);
    await works('on-near');
    assert.equal((await cluster.pod('on-near')).status.containerStatuses?.[0]?.restartCount, 0);
  });

  it('end when the hub is killed', bound, async () => {
    const id = await idOf('on-near');
    const streams = await OpenStreams.open(cluster, 'on-near');
    await cluster.hub.kill9();
    for (const { name, code, text } of (await streams.ended()).values()) {
      assert.notEqual(code, 0, `${name} ended well`);
      assert.match(text, /error|lost connection|EOF/i, name);
    }
    await cluster.startHub();
    await cluster.nodeReady('near', 'True', 60_000);
    await nothingReads(id);
    await works('on-near');
  });

  it('end when the pod is deleted', bound, async () => {
    await cluster.kubectl.apply([shellPod('lone', forever, {}, { nodeName: 'near' })]);
    await cluster.podReady('lone');
    const child = await cluster.kubectl.child(['exec', '-i', 'lone', '--', 'sh', '-c', 'echo up; cat']);
    const end = follow('exec', child);
    await firstData(child.stdout);
    await cluster.kubectl.ok(['delete', 'pod', 'lone']);
    // As for any command that is killed with its container.
    assert.equal((await end).code, 137);
  });
});
