// Nodes through kubectl, without agents: cordon, taint, where pods go and why
// they don't, and logs of pods that no agent runs.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startHub } from '../support/hub.ts';

const hub = await startHub();
const kube = hub.kubectl;
before(async () => {
  await hub.addNode('isle-1', { 'node-role.kubernetes.io/beacon': '' });
});
after(async () => {
  await hub.stop();
  assert.deepEqual(hub.errors(), []);
});

const jsonpath = (target: string, path: string): Promise<string> => kube.ok(['get', target, '-o', `jsonpath=${path}`]);
const pod = (name: string, spec: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'demo:1' }], ...spec },
});
const unschedulable = (name: string): Promise<string> =>
  kube.ok(['wait', `pod/${name}`, '--for=condition=PodScheduled=false', '--timeout=20s']);
const scheduled = (name: string): Promise<string> =>
  kube.ok(['wait', `pod/${name}`, '--for=condition=PodScheduled', '--timeout=20s']);

describe('nodes', { timeout: 60_000 }, () => {
  it('are listed with status, roles and version, and get a pod range', async () => {
    const [header = '', row = ''] = (await kube.ok(['get', 'nodes', '-o', 'wide'])).split('\n');
    assert.deepEqual(header.split(/ {2,}/).slice(0, 7), [
      'NAME',
      'STATUS',
      'ROLES',
      'AGE',
      'VERSION',
      'INTERNAL-IP',
      'EXTERNAL-IP',
    ]);
    assert.match(row, /^isle-1 +Ready +beacon +\S+ +v1\.35\.0 +192\.0\.2\.1 +<none> +Test OS +6\.0\.0 +docker:\/\/1$/);
    await kube.ok(['wait', 'node/isle-1', '--for=jsonpath={.spec.podCIDR}', '--timeout=20s']);
    assert.match(await jsonpath('node/isle-1', '{.spec.podCIDR} {.spec.podCIDRs}'), /^(10\.\d+\.\d+\.0\/24) \["\1"\]$/);
  });

  it('cordon keeps new pods away, uncordon lets them in', async () => {
    assert.equal(await kube.ok(['cordon', 'isle-1']), 'node/isle-1 cordoned');
    assert.equal(await kube.ok(['cordon', 'isle-1']), 'node/isle-1 already cordoned');
    assert.match(await kube.ok(['get', 'node', 'isle-1', '--no-headers']), /^isle-1 +Ready,SchedulingDisabled /);
    await kube.ok([
      'wait',
      'node/isle-1',
      '--for=jsonpath={.spec.taints[0].key}=node.kubernetes.io/unschedulable',
      '--timeout=20s',
    ]);
    await kube.apply([pod('kept-off')]);
    await unschedulable('kept-off');
    assert.match(
      await jsonpath('pod/kept-off', '{.status.conditions[0].reason}: {.status.conditions[0].message}'),
      /^Unschedulable: 0\/1 nodes are available: 1 node\(s\) were unschedulable/,
    );
    assert.equal(await kube.ok(['uncordon', 'isle-1']), 'node/isle-1 uncordoned');
    await scheduled('kept-off');
    assert.equal(await jsonpath('pod/kept-off', '{.spec.nodeName}'), 'isle-1');
    const nodes = await hub.watch('/api/v1/nodes?watch=1');
    await nodes.events.first(
      ({ object }) => (object.spec as { taints?: object[] }).taints === undefined,
      'a node without taints',
    );
    nodes.close();
    assert.equal(await jsonpath('node/isle-1', '{.spec.unschedulable}{.spec.taints}'), '');
  });

  it('taint keeps away who does not tolerate it, and drives out with NoExecute', async () => {
    assert.equal(await kube.ok(['taint', 'node', 'isle-1', 'sea=rough:NoSchedule']), 'node/isle-1 tainted');
    assert.equal(
      await kube.fails(['taint', 'node', 'isle-1', 'sea=calm:NoSchedule']),
      'error: node isle-1 already has sea taint(s) with same effect(s) and --overwrite is false',
    );
    assert.equal(
      await kube.ok(['taint', 'node', 'isle-1', '--overwrite', 'sea=calm:NoSchedule']),
      'node/isle-1 modified',
    );
    const tolerations = [{ key: 'sea', operator: 'Equal', value: 'calm', effect: 'NoSchedule' }];
    await kube.apply([pod('landlubber'), pod('sailor', { tolerations })]);
    await scheduled('sailor');
    await unschedulable('landlubber');
    assert.match(
      await jsonpath('pod/landlubber', '{.status.conditions[0].message}'),
      /^0\/1 nodes are available: 1 node\(s\) had untolerated taint\(s\) \{sea: calm\}/,
    );
    assert.equal(await kube.ok(['taint', 'node', 'isle-1', 'sea-']), 'node/isle-1 untainted');
    await scheduled('landlubber');
    assert.equal(await kube.fails(['taint', 'node', 'isle-1', 'sea-']), 'error: taint "sea" not found');

    await kube.ok(['taint', 'node', 'isle-1', 'storm=now:NoExecute']);
    await kube.ok(['wait', 'pod/landlubber', '--for=jsonpath={.metadata.deletionTimestamp}', '--timeout=20s']);
    await kube.ok(['taint', 'node', 'isle-1', 'storm-']);
  });

  it('pods say what they need: selectors, room, another node', async () => {
    await kube.apply([
      pod('picky', { nodeSelector: { depth: 'deep' } }),
      pod('greedy', { containers: [{ name: 'c', image: 'demo:1', resources: { requests: { memory: '64Gi' } } }] }),
    ]);
    await Promise.all([unschedulable('picky'), unschedulable('greedy')]);
    assert.match(
      await jsonpath('pod/picky', '{.status.conditions[0].message}'),
      /^0\/1 nodes are available: 1 node\(s\) didn't match Pod's node affinity\/selector/,
    );
    assert.match(
      await jsonpath('pod/greedy', '{.status.conditions[0].message}'),
      /^0\/1 nodes are available: 1 Insufficient memory/,
    );
    await kube.ok(['label', 'node', 'isle-1', 'depth=deep']);
    await scheduled('picky');
  });

  it('can be deleted', async () => {
    await hub.addNode('isle-2');
    await kube.apply([pod('castaway', { nodeName: 'isle-2' })]);
    assert.equal(await kube.ok(['delete', 'node', 'isle-2']), 'node "isle-2" deleted');
    assert.equal(await kube.ok(['get', 'nodes', '-o', 'name']), 'node/isle-1');
  });
});

describe('logs without an agent', { timeout: 60_000 }, () => {
  it('of a pod without a node, of one whose node is away, of none, of the wrong container', async () => {
    await kube.apply([
      pod('adrift', { nodeSelector: { no: 'where' } }),
      pod('remote', { nodeName: 'isle-1' }),
      pod('two', {
        nodeName: 'isle-1',
        containers: [
          { name: 'a', image: 'demo:1' },
          { name: 'b', image: 'demo:1' },
        ],
      }),
    ]);
    await unschedulable('adrift');
    assert.match(
      await kube.fails(['logs', 'adrift']),
      /^Error from server \(BadRequest\): container "c" in pod "adrift" is not running: the pod has no node yet: 0\/1 nodes are available/,
    );
    assert.equal(
      await kube.fails(['logs', 'remote']),
      'Error from server (ServiceUnavailable): node isle-1 is not connected to the hub: its containers can be reached when it is back',
    );
    assert.match(await kube.fails(['logs', 'nope']), /pods "nope" not found/);
    assert.match(await kube.fails(['logs', 'two', '-c', 'z']), /container z is not valid for pod two/);
    assert.match(await kube.fails(['logs', 'remote', '-f', '--tail=1']), /node isle-1 is not connected to the hub/);
  });
});
