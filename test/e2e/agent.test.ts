// The life of pods on one node with a real engine: adoption by a restarted
// agent, restart policies, init containers, deletion, and what happens to pods
// while the agent is down.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { skerry, type TestAgent } from '../support/agent.ts';
import { type Pod, readyOf, TestCluster } from '../support/cluster.ts';
import { engineSocket, executeIn } from '../support/engine.ts';
import { forever, podOf, shell, shellPod } from '../support/pods.ts';

/** Ends with 1 the first time, as told later: the volume outlives the container. */
const failsOnce = (then: string): string => `
  if [ -e /scratch/failed ]; then ${then}; fi
  touch /scratch/failed
  exit 1`;
const scratch = { volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }] };
const scratchVolume = { volumes: [{ name: 'scratch', emptyDir: {} }] };
/** Pays no attention to SIGTERM. */
const stubborn = 'trap "" TERM; echo up; while :; do sleep 0.2; done';

const first = (pod: Pod): NonNullable<Pod['status']['containerStatuses']>[number] => {
  const status = pod.status.containerStatuses?.[0];
  assert.ok(status, `pod ${pod.metadata.name} has no container status`);
  return status;
};

describe('pods of one node', { timeout: 180_000, concurrency: 3 }, () => {
  let cluster: TestCluster;
  let agent: TestAgent;
  before(async () => {
    cluster = await TestCluster.start();
    agent = await cluster.addAgent({ name: 'solo' });
  });
  after(() => cluster?.stop());

  const phase = (name: string, wanted: string): Promise<Pod> =>
    cluster.podUntil(name, `is ${wanted}`, (pod) => pod.status.phase === wanted);
  const statusOf = async (name: string): Promise<string> =>
    (await cluster.kubectl.ok(['get', 'pod', name, '--no-headers'])).split(/\s+/)[2] ?? '';
  const shows = (name: string, status: string): Promise<true> =>
    cluster.until(`kubectl shows ${name} as ${status}`, async () =>
      (await statusOf(name)) === status ? true : undefined,
    );
  const containersOf = async (pod: Pod): Promise<string[]> =>
    (await agent.containers()).filter((item) => item.podUid === pod.metadata.uid).map((item) => item.id);
  const nothingLeft = (pod: Pod): Promise<true> =>
    cluster.until(`nothing is left of ${pod.metadata.name}`, async () =>
      (await containersOf(pod)).length === 0 ? true : undefined,
    );

  it('shows where a pod runs, and tells its story in events', async () => {
    await cluster.kubectl.apply([shellPod('told')]);
    const pod = await cluster.podReady('told');
    const [, ready, status, restarts, , ip, node] = (
      await cluster.kubectl.ok(['get', 'pod', 'told', '-o', 'wide', '--no-headers'])
    ).split(/\s+/);
    assert.deepEqual([ready, status, restarts, ip, node], ['1/1', 'Running', '0', pod.status.podIP, 'solo']);
    const reasons = ['Scheduled', 'Pulled', 'Created', 'Started'];
    await cluster.until('the events are there', async () => {
      const text = await cluster.kubectl.ok(['events', '--for', 'pod/told', '--no-headers']);
      return reasons.every((reason) => new RegExp(`\\b${reason}\\b`).test(text)) ? true : undefined;
    });
    await cluster.kubectl.ok(['delete', 'pod', 'told', '--wait=false']);
    await cluster.until('its end is told, too', async () =>
      /\bKilling\b/.test(await cluster.kubectl.ok(['events', '--for', 'pod/told'])) ? true : undefined,
    );
  });

  it('backs off from a crash loop and counts the restarts', async () => {
    await cluster.kubectl.apply([shellPod('crashing', 'echo boom; exit 3')]);
    const pod = await cluster.podUntil('crashing', 'is in a crash loop after two restarts', (found) => {
      const status = found.status.containerStatuses?.[0];
      return status?.state.waiting?.reason === 'CrashLoopBackOff' && status.restartCount >= 2;
    });
    assert.equal(first(pod).lastState.terminated?.exitCode, 3);
    assert.equal(first(pod).lastState.terminated?.reason, 'Error');
    assert.equal(pod.status.phase, 'Running');
    assert.equal(readyOf(pod.status.conditions), 'False');
    assert.equal(await statusOf('crashing'), 'CrashLoopBackOff');
    // The container that ran last and the one before it are kept, not every attempt.
    assert.ok((await containersOf(pod)).length <= 3);
  });

  it('ends pods that are never restarted as Completed or Error', async () => {
    await cluster.kubectl.apply([
      shellPod('completed', 'exit 0', {}, { restartPolicy: 'Never' }),
      shellPod('failed', 'exit 4', {}, { restartPolicy: 'Never' }),
      podOf('half', { restartPolicy: 'Never', containers: [shell('good', 'exit 0'), shell('bad', 'exit 5')] }),
    ]);
    const completed = await phase('completed', 'Succeeded');
    assert.equal(first(completed).state.terminated?.reason, 'Completed');
    assert.equal(readyOf(completed.status.conditions), 'False');
    await shows('completed', 'Completed');
    const failed = await phase('failed', 'Failed');
    assert.equal(first(failed).state.terminated?.exitCode, 4);
    assert.equal(first(failed).restartCount, 0);
    await shows('failed', 'Error');
    const half = await phase('half', 'Failed');
    assert.deepEqual(half.status.containerStatuses?.map((item) => item.state.terminated?.exitCode).sort(), [0, 5]);
  });

  it('restarts on failure only', async () => {
    const spec = { restartPolicy: 'OnFailure', ...scratchVolume };
    await cluster.kubectl.apply([shellPod('retried', failsOnce('exit 0'), scratch, spec)]);
    const pod = await phase('retried', 'Succeeded');
    assert.equal(first(pod).restartCount, 1);
    assert.equal(first(pod).state.terminated?.reason, 'Completed');
  });

  it('runs init containers in order, each to its end', async () => {
    const wait = 'echo 1 >> /scratch/order; while [ ! -e /scratch/go ]; do sleep 0.1; done';
    await cluster.kubectl.apply([
      podOf('prepared', {
        initContainers: [shell('one', wait, scratch), shell('two', 'echo 2 >> /scratch/order', scratch)],
        containers: [shell('main', `echo 3 >> /scratch/order; ${forever}`, scratch)],
        ...scratchVolume,
      }),
    ]);
    const waiting = await cluster.podUntil(
      'prepared',
      'waits for its first init container',
      (pod) => pod.status.initContainerStatuses?.[0]?.state.running !== undefined,
    );
    assert.equal(await statusOf('prepared'), 'Init:0/2');
    assert.equal(first(waiting).state.waiting?.reason, 'PodInitializing');
    const one = waiting.status.initContainerStatuses?.[0]?.containerID?.replace(/^\w+:\/\//, '') ?? '';
    await executeIn(one, ['touch', '/scratch/go']);
    const pod = await cluster.podReady('prepared');
    const main = first(pod).containerID?.replace(/^\w+:\/\//, '') ?? '';
    assert.equal(await executeIn(main, ['cat', '/scratch/order']), '1\n2\n3\n');
    const ends = pod.status.initContainerStatuses?.map((item) => item.state.terminated?.reason);
    assert.deepEqual(ends, ['Completed', 'Completed']);
  });

  it('does not start a pod whose init container fails', async () => {
    const containers = [shell('main', forever)];
    await cluster.kubectl.apply([
      podOf('unprepared', { restartPolicy: 'Never', initContainers: [shell('bad', 'exit 6')], containers }),
      podOf('unpreparable', { initContainers: [shell('bad', 'exit 6')], containers }),
    ]);
    const pod = await phase('unprepared', 'Failed');
    assert.equal(pod.status.initContainerStatuses?.[0]?.state.terminated?.exitCode, 6);
    assert.equal(first(pod).containerID, undefined);
    await shows('unprepared', 'Init:Error');
    await shows('unpreparable', 'Init:CrashLoopBackOff');
    assert.equal((await cluster.pod('unpreparable')).status.phase, 'Pending');
  });

  it('lets a container finish its work when the pod is deleted', async () => {
    const script = 'trap "echo closing; sleep 2; echo closed; exit 0" TERM; echo up; while :; do sleep 0.2; done';
    await cluster.kubectl.apply([shellPod('graceful', script, {}, { terminationGracePeriodSeconds: 30 })]);
    const pod = await cluster.podReady('graceful');
    const logs = await cluster.kubectl.stream(['logs', '-f', 'graceful']);
    await logs.line(/^up$/);
    await cluster.kubectl.ok(['delete', 'pod', 'graceful', '--wait=false']);
    await logs.line(/^closed$/);
    assert.equal((await logs.ended).code, 0);
    await cluster.podGone('graceful');
    assert.deepEqual(await containersOf(pod), []);
  });

  it('kills what does not end within its grace period, and at once when forced', async () => {
    await cluster.kubectl.apply([
      shellPod('stubborn', stubborn, {}, { terminationGracePeriodSeconds: 2 }),
      shellPod('forced', stubborn, {}, { terminationGracePeriodSeconds: 600 }),
      shellPod('hurried', stubborn, {}, { terminationGracePeriodSeconds: 600 }),
    ]);
    const pods = await Promise.all(['stubborn', 'forced', 'hurried'].map((name) => cluster.podReady(name)));
    await cluster.kubectl.ok(['delete', 'pod', 'stubborn', '--wait=false']);
    await cluster.kubectl.ok(['delete', 'pod', 'forced', '--force', '--grace-period=0']);
    await cluster.kubectl.ok(['delete', 'pod', 'hurried', '--wait=false']);
    await shows('hurried', 'Terminating');
    await cluster.kubectl.ok(['delete', 'pod', 'hurried', '--wait=false', '--grace-period=1']);
    for (const pod of pods) {
      await nothingLeft(pod);
      await cluster.podGone(pod.metadata.name);
    }
  });
});

describe('an agent that is down for a while', { timeout: 120_000 }, () => {
  let cluster: TestCluster;
  let agent: TestAgent;
  before(async () => {
    cluster = await TestCluster.start();
    agent = await cluster.addAgent({ name: 'solo' });
  });
  after(() => cluster?.stop());

  it('adopts what runs, ends what was deleted meanwhile and starts what is new', async () => {
    const names = ['kept', 'deleted', 'forgotten'];
    await cluster.kubectl.apply([
      ...names.map((name) => shellPod(name)),
      shellPod('finished', 'exit 0', {}, { restartPolicy: 'Never' }),
    ]);
    for (const name of names) await cluster.podReady(name);
    const finished = await cluster.podUntil('finished', 'has ended', (pod) => pod.status.phase === 'Succeeded');
    const before_ = await agent.running();
    await agent.kill9();
    await cluster.nodeReady('solo', 'Unknown');
    assert.deepEqual(await agent.running(), before_);
    await cluster.kubectl.ok(['delete', 'pod', 'deleted', '--wait=false']);
    await cluster.kubectl.ok(['delete', 'pod', 'forgotten', '--force', '--grace-period=0']);
    // A node out of reach takes no new pods by itself: this one is bound by hand.
    await cluster.kubectl.apply([shellPod('fresh', forever, {}, { nodeName: 'solo' })]);
    await agent.start();
    await cluster.nodeReady('solo', 'True');
    await cluster.podReady('fresh');
    await cluster.podGone('deleted');
    const running = await cluster.until('only what should run does', async () => {
      const found = await agent.running();
      return found.size === 2 ? found : undefined;
    });
    assert.equal(running.get('kept/main'), before_.get('kept/main'));
    assert.ok(running.has('fresh/main'));
    const kept = await cluster.podReady('kept');
    assert.equal(first(kept).restartCount, 0);
    const known = await cluster.pod('finished');
    assert.deepEqual(first(known), first(finished));
    assert.deepEqual(await agent.containers().then((all) => all.filter((item) => item.podName === 'forgotten')), []);
    await cluster.kubectl.ok(['delete', 'pod', 'finished', '--wait=false']);
    await cluster.podGone('finished');
    assert.deepEqual(await cluster.differences(agent), []);
    assert.deepEqual(cluster.hub.errors(), []);
  });

  it('tells what it runs without the hub and without the agent', async () => {
    await agent.kill9();
    await cluster.hub.kill9();
    const { code, stdout, stderr } = await skerry([
      'status',
      '--data-dir',
      agent.dataDirectory,
      '--runtime-endpoint',
      engineSocket,
    ]);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^node solo, hub mqtts:\/\//);
    assert.match(stdout, /^default +kept +main +running +0 +skerry-test\/busybox:1$/m);
  });
});
