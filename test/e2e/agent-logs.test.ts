// kubectl logs from a real engine: what was printed, what comes, parts of it by
// count and time, the attempt before a crash, and containers that have none.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { TestAgent } from '../support/agent.ts';
import { type Pod, TestCluster } from '../support/cluster.ts';
import { executeIn } from '../support/engine.ts';
import { forever, podOf, shell, shellPod } from '../support/pods.ts';

describe('logs', { timeout: 120_000 }, () => {
  let cluster: TestCluster;
  let agent: TestAgent;
  before(async () => {
    cluster = await TestCluster.start();
    agent = await cluster.addAgent({ name: 'solo' });
    await cluster.kubectl.apply([shellPod('speaker')]);
    await cluster.podReady('speaker');
  });
  after(() => cluster?.stop());

  const idOf = (pod: Pod, index = 0): string =>
    pod.status.containerStatuses?.[index]?.containerID?.replace(/^\w+:\/\//, '') ?? '';
  /** Prints a line as the container's first process. */
  const say = async (name: string, line: string): Promise<string> =>
    executeIn(idOf(await cluster.pod(name)), ['sh', '-c', `echo '${line}' > /proc/1/fd/1`]);
  const logs = async (...args: string[]): Promise<string[]> => {
    const text = await cluster.kubectl.ok(['logs', ...args]);
    return text === '' ? [] : text.split('\n');
  };
  const logged = (name: string, line: string): Promise<true> =>
    cluster.until(`${name} has logged ${line}`, async () => ((await logs(name)).includes(line) ? true : undefined));

  it('gives all lines, the last ones, and their times', async () => {
    for (const line of ['one', 'two', 'three']) await say('speaker', line);
    await logged('speaker', 'three');
    assert.deepEqual(await logs('speaker'), ['up', 'one', 'two', 'three']);
    assert.deepEqual(await logs('speaker', '--tail=2'), ['two', 'three']);
    assert.deepEqual(await logs('speaker', '--tail=0'), []);
    assert.deepEqual(await logs('speaker', '--limit-bytes=5'), ['up', 'on']);
    const timed = await logs('speaker', '--timestamps', '--tail=1');
    assert.match(timed[0] ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z three$/);
    assert.deepEqual(await logs('-l', 'app=speaker', '--tail=-1'), ['up', 'one', 'two', 'three']);
  });

  it('gives lines since a time', async () => {
    const secondOf = async (line: string): Promise<string> => {
      const found = (await logs('speaker', '--timestamps')).find((text) => text.endsWith(` ${line}`)) ?? '';
      return found.slice(0, 19);
    };
    await say('speaker', 'early');
    await logged('speaker', 'early');
    const early = await secondOf('early');
    // Times count in seconds: the later line is of a later one.
    let count = 0;
    const late = await cluster.until('a second has passed', async () => {
      count += 1;
      const line = `late ${count}`;
      await say('speaker', line);
      await logged('speaker', line);
      return (await secondOf(line)) > early ? line : undefined;
    });
    const since = await logs('speaker', `--since-time=${await secondOf(late)}Z`);
    assert.ok(since.includes(late) && !since.includes('early'), since.join(', '));
    assert.ok((await logs('speaker', '--since=1h')).includes('early'));
    await cluster.until('all lines are older than a second', async () =>
      (await logs('speaker', '--since=1s')).length === 0 ? true : undefined,
    );
  });

  it('follows: new lines come, and it ends when the pod is deleted', async () => {
    await cluster.kubectl.apply([shellPod('followed')]);
    await cluster.podReady('followed');
    const stream = await cluster.kubectl.stream(['logs', '-f', 'followed', '--tail=1']);
    await stream.line(/^up$/);
    for (const line of ['first', 'second']) {
      await say('followed', line);
      await stream.line(new RegExp(`^${line}$`));
    }
    await cluster.kubectl.ok(['delete', 'pod', 'followed', '--wait=false']);
    assert.equal((await stream.ended).code, 0);
    assert.deepEqual([...stream.lines], ['up', 'first', 'second']);
  });

  it('gives a large log whole and in order', async () => {
    const count = 60_000;
    const print = `for (i = 1; i <= ${count}; i++) print "line " i " of a log that is large"`;
    await cluster.kubectl.apply([shellPod('large', `awk 'BEGIN { ${print} }'`, {}, { restartPolicy: 'Never' })]);
    await cluster.podUntil('large', 'has ended', (pod) => pod.status.phase === 'Succeeded');
    const lines = await logs('large');
    assert.equal(lines.length, count);
    assert.ok(lines.every((line, index) => line === `line ${index + 1} of a log that is large`));
    assert.deepEqual(await logs('large', '-f', '--tail=1'), [`line ${count} of a log that is large`]);
  });

  it('gives the attempt before a crash', async () => {
    const script = `
      if [ -e /scratch/crashed ]; then echo well; ${forever}; fi
      touch /scratch/crashed; echo 'last words' >&2; exit 1`;
    const volumeMounts = [{ name: 'scratch', mountPath: '/scratch' }];
    const spec = { volumes: [{ name: 'scratch', emptyDir: {} }] };
    await cluster.kubectl.apply([shellPod('crashed', script, { volumeMounts }, spec)]);
    await cluster.podReady('crashed');
    await logged('crashed', 'up');
    assert.deepEqual(await logs('crashed'), ['well', 'up']);
    assert.deepEqual(await logs('crashed', '--previous'), ['last words']);
    const none = await cluster.kubectl.fails(['logs', 'speaker', '--previous']);
    assert.match(none, /BadRequest.*previous terminated container "main" in pod "speaker" not found/);
  });

  it('gives the log of each container of a pod', async () => {
    await cluster.kubectl.apply([
      podOf('several', {
        initContainers: [shell('setup', 'echo from setup')],
        containers: [shell('left', `echo from left; ${forever}`), shell('right', `echo from right; ${forever}`)],
      }),
    ]);
    await cluster.podReady('several');
    const { code, stdout, stderr } = await cluster.kubectl.run(['logs', 'several']);
    assert.deepEqual([code, stdout], [0, 'from left\nup\n']);
    assert.match(stderr, /Defaulted container "left" out of: left, right, setup \(init\)/);
    assert.deepEqual(await logs('several', '-c', 'right'), ['from right', 'up']);
    assert.deepEqual(await logs('several', '-c', 'setup'), ['from setup']);
    const all = await logs('several', '--all-containers');
    assert.deepEqual([...all].sort(), ['from left', 'from right', 'from setup', 'up', 'up']);
    const unknown = await cluster.kubectl.fails(['logs', 'several', '-c', 'middle']);
    assert.match(unknown, /container middle is not valid for pod several/);
  });

  it('says why there is no log', async () => {
    await cluster.kubectl.apply([
      shellPod('waiting', forever, { image: 'skerry-test/none:1', imagePullPolicy: 'Never' }),
      shellPod('unbound', forever, {}, { nodeSelector: { nowhere: 'true' } }),
    ]);
    await cluster.podUntil(
      'waiting',
      'waits',
      (pod) => pod.status.containerStatuses?.[0]?.state.waiting?.reason === 'ErrImageNeverPull',
    );
    const waiting = await cluster.kubectl.fails(['logs', 'waiting']);
    assert.match(waiting, /BadRequest.*container "main" in pod "waiting" is waiting to start/);
    const unbound = await cluster.kubectl.fails(['logs', 'unbound']);
    assert.match(unbound, /BadRequest.*pod "unbound".* no node yet/);
    assert.match(await cluster.kubectl.fails(['logs', 'missing']), /pods "missing" not found/);
  });

  it('ends and says so when the agent is gone, and serves again when it is back', async () => {
    const stream = await cluster.kubectl.stream(['logs', '-f', 'speaker']);
    await stream.line(/^up$/);
    await agent.kill9();
    const { code, stdout } = await stream.ended;
    assert.notEqual(code, 0);
    assert.match(stdout, /error: the connection to node solo was lost/);
    await cluster.nodeReady('solo', 'Unknown');
    assert.match(await cluster.kubectl.fails(['logs', 'speaker']), /solo.*not connected/i);
    await agent.start();
    await cluster.nodeReady('solo', 'True');
    assert.equal((await logs('speaker'))[0], 'up');
    assert.deepEqual(cluster.hub.errors(), []);
  });
});
