// Deployments and DaemonSets through kubectl: scale, set, rollout status,
// history, undo, pause, restart. The pods are run by a pretended agent.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { startHub } from '../support/hub.ts';

const hub = await startHub();
const kube = hub.kubectl;
after(async () => {
  await hub.stop();
  assert.deepEqual(hub.errors(), []);
});

const jsonpath = (target: string, path: string): Promise<string> => kube.ok(['get', target, '-o', `jsonpath=${path}`]);
const images = (target: string): Promise<string> => jsonpath(target, '{.spec.template.spec.containers[*].image}');

function workload(kind: string, name: string, more: object = {}): object {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'demo:1' }] } };
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, labels },
    spec: { selector: { matchLabels: labels }, template, ...more },
  };
}

/** History as pairs of revision and change cause. */
async function history(target: string): Promise<string[]> {
  const lines = (await kube.ok(['rollout', 'history', target])).trimEnd().split('\n');
  assert.deepEqual(lines.slice(0, 2), [`${target} `, 'REVISION  CHANGE-CAUSE']);
  return lines.slice(2).map((line) => line.trim().replace(/ +/, ' '));
}

describe('a deployment', { timeout: 90_000 }, () => {
  it('rolls out, and status tells when it has', async () => {
    await kube.apply([workload('Deployment', 'web', { replicas: 2 })]);
    const status = await kube.stream(['rollout', 'status', 'deployment/web']);
    await status.line(/^Waiting for deployment "web" rollout to finish: 0 of 2 updated replicas are available\.\.\.$/);
    const agent = await hub.runPods('default', 'app=web');
    const { code, stdout } = await status.ended;
    assert.equal(code, 0);
    assert.match(stdout, /deployment "web" successfully rolled out\n$/);
    assert.equal(
      await jsonpath(
        'deploy/web',
        '{.status.readyReplicas} {.status.availableReplicas} {.status.updatedReplicas} {.status.observedGeneration}',
      ),
      '2 2 2 1',
    );
    const conditions = await jsonpath('deploy/web', '{range .status.conditions[*]}{.type}={.status}/{.reason} {end}');
    assert.deepEqual(conditions.trim().split(' ').sort(), [
      'Available=True/MinimumReplicasAvailable',
      'Progressing=True/NewReplicaSetAvailable',
    ]);
    const row = (await kube.ok(['get', 'deploy', 'web', '--no-headers'])).split(/ +/).slice(0, 4);
    assert.deepEqual(row, ['web', '2/2', '2', '2']);
    const pods = (await kube.ok(['get', 'pods', '-l', 'app=web', '--no-headers'])).split('\n');
    assert.equal(pods.length, 2);
    for (const pod of pods) assert.match(pod, /^web-[a-z0-9]{8,10}-[a-z0-9]{5} +1\/1 +Running +0 /);
    agent.close();
  });

  it('scales, on condition if asked to', async () => {
    assert.equal(await kube.ok(['scale', 'deployment/web', '--replicas=3']), 'deployment.apps/web scaled');
    await kube.ok(['wait', 'deploy/web', '--for=jsonpath={.status.replicas}=3', '--timeout=20s']);
    assert.equal(
      await kube.fails(['scale', 'deploy/web', '--replicas=1', '--current-replicas=7']),
      'error: Expected replicas to be 7, was 3',
    );
    assert.equal(
      await kube.ok(['scale', 'deploy/web', '--replicas=2', '--current-replicas=3']),
      'deployment.apps/web scaled',
    );
    await kube.ok(['wait', 'deploy/web', '--for=jsonpath={.status.replicas}=2', '--timeout=20s']);
    assert.equal(
      await kube.ok(['patch', 'deploy', 'web', '--subresource=scale', '--type=merge', '-p', '{"spec":{"replicas":1}}']),
      'scale.autoscaling/web patched',
    );
    await kube.ok(['wait', 'deploy/web', '--for=jsonpath={.status.replicas}=1', '--timeout=20s']);
    assert.equal(await kube.ok(['get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].status.phase}']), 'Running');
    const negative = await kube.fails([
      'patch',
      'deploy',
      'web',
      '--subresource=scale',
      '--type=merge',
      '-p',
      '{"spec":{"replicas":-1}}',
    ]);
    assert.match(negative, /is invalid: spec\.replicas: Invalid value: -1: must be greater than or equal to 0$/);
  });

  it('keeps a history, goes back in it, pauses and resumes', async () => {
    await kube.apply([workload('Deployment', 'hist', { replicas: 1 })]);
    const agent = await hub.runPods('default', 'app=hist');
    const rolledOut = (): Promise<string> => kube.ok(['rollout', 'status', 'deploy/hist', '--timeout=20s']);
    await rolledOut();
    assert.equal(await kube.ok(['set', 'image', 'deploy/hist', 'main=demo:2']), 'deployment.apps/hist image updated');
    assert.equal(
      await kube.ok(['annotate', 'deploy/hist', 'kubernetes.io/change-cause=to 2']),
      'deployment.apps/hist annotated',
    );
    await rolledOut();
    assert.deepEqual(await history('deployment.apps/hist'), ['1 <none>', '2 to 2']);
    const second = await kube.ok(['rollout', 'history', 'deploy/hist', '--revision=2']);
    assert.match(
      second,
      /^deployment\.apps\/hist with revision #2\nPod Template:\n {2}Labels:\tapp=hist\n\tpod-template-hash=/,
    );
    assert.match(second, /Image:\tdemo:2/);

    assert.equal(await kube.ok(['rollout', 'undo', 'deploy/hist']), 'deployment.apps/hist rolled back');
    await rolledOut();
    assert.equal(await images('deploy/hist'), 'demo:1');
    await kube.ok(['rollout', 'undo', 'deploy/hist', '--to-revision=2']);
    await rolledOut();
    assert.equal(await images('deploy/hist'), 'demo:2');
    assert.deepEqual(
      (await history('deployment.apps/hist')).map((line) => line.split(' ')[0]),
      ['3', '4'],
    );
    assert.equal(await jsonpath('deploy/hist', '{.metadata.annotations.deployment\\.kubernetes\\.io/revision}'), '4');
    assert.equal(
      await kube.fails(['rollout', 'undo', 'deploy/hist', '--to-revision=99']),
      'error: unable to find specified revision 99 in history',
    );

    assert.equal(await kube.ok(['rollout', 'pause', 'deploy/hist']), 'deployment.apps/hist paused');
    assert.equal(
      await kube.fails(['rollout', 'pause', 'deploy/hist']),
      'error: deployments.apps "hist" is already paused',
    );
    await kube.ok(['set', 'image', 'deploy/hist', '*=demo:3']);
    await kube.ok(['wait', 'deploy/hist', '--for=jsonpath={.status.observedGeneration}=6', '--timeout=20s']);
    assert.equal((await history('deployment.apps/hist')).length, 2);
    assert.match(
      await kube.fails(['rollout', 'undo', 'deploy/hist']),
      /^error: you cannot rollback a paused deployment; resume it first/,
    );
    assert.equal(await kube.ok(['rollout', 'resume', 'deploy/hist']), 'deployment.apps/hist resumed');
    await rolledOut();
    assert.equal((await history('deployment.apps/hist')).length, 3);
    agent.close();
  });

  it('restarts its pods one after the other, without a gap', async () => {
    await kube.apply([workload('Deployment', 'fresh', { replicas: 2 })]);
    const agent = await hub.runPods('default', 'app=fresh');
    await kube.ok(['rollout', 'status', 'deploy/fresh', '--timeout=20s']);
    const before = (await kube.ok(['get', 'pods', '-l', 'app=fresh', '-o', 'name'])).split('\n');
    const deployments = await hub.watch(
      '/apis/apps/v1/namespaces/default/deployments?watch=1&fieldSelector=metadata.name%3Dfresh',
    );
    assert.equal(await kube.ok(['rollout', 'restart', 'deploy/fresh']), 'deployment.apps/fresh restarted');
    await kube.ok(['rollout', 'status', 'deploy/fresh', '--timeout=20s']);
    await kube.ok(['wait', '--for=delete', ...before, '--timeout=20s']);
    assert.equal((await kube.ok(['get', 'pods', '-l', 'app=fresh', '-o', 'name'])).split('\n').length, 2);
    const available = deployments.events.all.map(
      ({ object }) => (object.status as { availableReplicas?: number }).availableReplicas ?? 0,
    );
    assert.ok(Math.min(...available) >= 2, `available replicas went through ${available.join(', ')}`);
    assert.match(
      await jsonpath('deploy/fresh', '{.spec.template.metadata.annotations}'),
      /"kubectl\.kubernetes\.io\/restartedAt":/,
    );
    agent.close();
    deployments.close();
  });

  it('with the strategy Recreate ends the old pods before it starts new ones', async () => {
    await kube.apply([workload('Deployment', 'anew', { replicas: 2, strategy: { type: 'Recreate' } })]);
    const agent = await hub.runPods('default', 'app=anew');
    await kube.ok(['rollout', 'status', 'deploy/anew', '--timeout=20s']);
    const sets = await hub.watch('/apis/apps/v1/namespaces/default/replicasets?watch=1&labelSelector=app%3Danew');
    await kube.ok(['set', 'image', 'deploy/anew', 'main=demo:2']);
    await kube.ok(['rollout', 'status', 'deploy/anew', '--timeout=20s']);
    const running = new Map<string, number>();
    for (const { object } of sets.events.all) {
      running.set(object.metadata.name, (object.status as { replicas?: number }).replicas ?? 0);
      assert.ok([...running.values()].filter((count) => count > 0).length <= 1, 'two generations ran at once');
    }
    assert.equal(running.size, 2);
    agent.close();
    sets.close();
  });

  it('never says that it is rolled out when its pods do not get ready', async () => {
    await kube.apply([workload('Deployment', 'stuck', { replicas: 1, progressDeadlineSeconds: 1 })]);
    const { code, stderr } = await kube.run(['rollout', 'status', 'deploy/stuck', '--timeout=20s']);
    assert.deepEqual([code, stderr], [1, 'error: deployment "stuck" exceeded its progress deadline\n']);
    assert.equal(
      await jsonpath('deploy/stuck', '{.status.conditions[?(@.type=="Progressing")].reason}'),
      'ProgressDeadlineExceeded',
    );
  });
});

describe('kubectl set', { timeout: 60_000 }, () => {
  it('changes image, env, resources and service account of a template', async () => {
    await kube.apply([workload('Deployment', 'mold', { replicas: 0 })]);
    await kube.ok(['create', 'configmap', 'source', '--from-literal=depth=9']);
    assert.equal(
      await kube.ok(['set', 'env', 'deploy/mold', 'MODE=fast', 'GONE=1']),
      'deployment.apps/mold env updated',
    );
    await kube.ok(['set', 'env', 'deploy/mold', 'GONE-']);
    await kube.ok(['set', 'env', 'deploy/mold', '--from=configmap/source']);
    const listed = await kube.ok(['set', 'env', 'deploy/mold', '--list']);
    assert.equal(listed, '# Deployment mold, container main\nMODE=fast\n# DEPTH from configmap source, key depth');
    assert.equal(
      await kube.ok(['set', 'resources', 'deploy/mold', '--limits=cpu=200m,memory=64Mi']),
      'deployment.apps/mold resource requirements updated',
    );
    assert.equal(
      await jsonpath('deploy/mold', '{.spec.template.spec.containers[0].resources.limits}'),
      '{"cpu":"200m","memory":"64Mi"}',
    );
    assert.equal(
      await kube.ok(['set', 'serviceaccount', 'deploy/mold', 'robot']),
      'deployment.apps/mold serviceaccount updated',
    );
    assert.equal(await jsonpath('deploy/mold', '{.spec.template.spec.serviceAccountName}'), 'robot');
    assert.equal(
      await kube.fails(['set', 'image', 'deploy/mold', 'nope=x']),
      'error: unable to find container named "nope"',
    );
    await kube.ok(['create', 'service', 'clusterip', 'front', '--tcp=80']);
    assert.equal(await kube.ok(['set', 'selector', 'svc/front', 'app=mold']), 'service/front selector updated');
    assert.equal(await jsonpath('svc/front', '{.spec.selector}'), '{"app":"mold"}');
  });
});

describe('a daemon set', { timeout: 60_000 }, () => {
  it('runs on each node, rolls out, keeps a history and goes back', async () => {
    await hub.addNode('isle-1');
    await hub.addNode('isle-2', { kind: 'big' });
    await kube.apply([workload('DaemonSet', 'each')]);
    const agent = await hub.runPods('default', 'app=each');
    assert.match(
      await kube.ok(['rollout', 'status', 'ds/each', '--timeout=20s']),
      /daemon set "each" successfully rolled out$/,
    );
    const nodes = await kube.ok(['get', 'pods', '-l', 'app=each', '-o', 'jsonpath={.items[*].spec.nodeName}']);
    assert.deepEqual(nodes.split(' ').sort(), ['isle-1', 'isle-2']);
    const row = (await kube.ok(['get', 'ds', 'each', '--no-headers'])).split(/ +/).slice(0, 7);
    assert.deepEqual(row, ['each', '2', '2', '2', '2', '2', '<none>']);

    await kube.ok(['set', 'image', 'ds/each', 'main=demo:2']);
    assert.match(await kube.ok(['rollout', 'status', 'ds/each', '--timeout=20s']), /successfully rolled out$/);
    assert.deepEqual(
      (await history('daemonset.apps/each')).map((line) => line.split(' ')[0]),
      ['1', '2'],
    );
    assert.equal(await kube.ok(['rollout', 'undo', 'ds/each']), 'daemonset.apps/each rolled back');
    assert.match(await kube.ok(['rollout', 'status', 'ds/each', '--timeout=20s']), /successfully rolled out$/);
    assert.equal(await images('ds/each'), 'demo:1');
    assert.equal(await kube.ok(['rollout', 'restart', 'ds/each']), 'daemonset.apps/each restarted');
    assert.equal(
      await kube.fails(['rollout', 'pause', 'ds/each']),
      'error: daemonsets.apps "each" pausing is not supported',
    );

    await kube.ok(['patch', 'ds', 'each', '-p', '{"spec":{"template":{"spec":{"nodeSelector":{"kind":"big"}}}}}']);
    await kube.ok(['wait', 'ds/each', '--for=jsonpath={.status.desiredNumberScheduled}=1', '--timeout=20s']);
    await kube.ok(['rollout', 'status', 'ds/each', '--timeout=20s']);
    await kube.ok(['wait', 'ds/each', '--for=jsonpath={.status.numberMisscheduled}=0', '--timeout=20s']);
    assert.equal(
      await kube.ok(['get', 'pods', '-l', 'app=each', '-o', 'jsonpath={.items[*].spec.nodeName}']),
      'isle-2',
    );
    assert.equal(
      await kube.fails(['scale', 'ds/each', '--replicas=2']),
      'Error from server (NotFound): the server could not find the requested resource',
    );
    agent.close();
  });
});
