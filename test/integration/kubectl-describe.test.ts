// kubectl describe of every kind: the sections that users look for, with the
// events that belong to the object.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startHub } from '../support/hub.ts';
import { shopManifests } from '../support/manifests.ts';

const hub = await startHub();
const kube = hub.kubectl;
before(async () => {
  await kube.apply(Object.values(shopManifests).join('---\n'));
  await kube.ok(['config', 'set-context', '--current', '--namespace=shop']);
});
after(async () => {
  await hub.stop();
  assert.deepEqual(hub.errors(), []);
});

/** What describe prints, runs of blanks made one. */
async function described(...args: string[]): Promise<string> {
  return (await kube.ok(['describe', ...args])).replaceAll(/[ \t]+/g, ' ').replaceAll(/ $/gm, '');
}

function includes(text: string, ...parts: string[]): void {
  for (const part of parts) assert.ok(text.includes(part), `${JSON.stringify(part)} is missing in\n${text}`);
}

describe('kubectl describe', { timeout: 60_000 }, () => {
  it('a deployment: strategy, template, conditions, ReplicaSets, events', async () => {
    await kube.ok(['wait', 'deploy/web', '--for=jsonpath={.status.replicas}=2', '--timeout=20s']);
    includes(
      await described('deployment', 'web'),
      'Name: web\nNamespace: shop\n',
      'Labels: app=web\nAnnotations: deployment.kubernetes.io/revision: 1\nSelector: app=web\n',
      'Replicas: 2 desired | 2 updated | 2 total | 0 available | 2 unavailable\n',
      'StrategyType: RollingUpdate\nMinReadySeconds: 0\nRollingUpdateStrategy: 25% max unavailable, 25% max surge\n',
      ' Image: nginx:1.27\n Port: 8080/TCP\n',
      ' Limits:\n memory: 128Mi\n Requests:\n cpu: 100m\n memory: 64Mi\n',
      ' Liveness: http-get http://:8080/healthz delay=0s timeout=1s period=10s #success=1 #failure=3\n',
      " COLOR: <set to the key 'color' of config map 'settings'> Optional: false\n",
      ' Mounts:\n /etc/conf from conf (rw)\n',
      ' Type: ConfigMap (a volume populated by a ConfigMap)\n Name: settings\n',
      ' Available False MinimumReplicasUnavailable\n Progressing True ReplicaSetUpdated\n',
      'OldReplicaSets: <none>\nNewReplicaSet: web-',
      ' Normal ScalingReplicaSet ',
      ' deployment-controller Scaled up replica set web-',
    );
  });

  it('a ReplicaSet and a DaemonSet: counts, template, events', async () => {
    await kube.ok(['wait', 'rs/lone', '--for=jsonpath={.status.replicas}=1', '--timeout=20s']);
    includes(
      await described('rs', 'lone'),
      'Name: lone\nNamespace: shop\nSelector: app=lone\n',
      'Replicas: 1 current / 1 desired\nPods Status: 0 Running / 1 Waiting / 0 Succeeded / 0 Failed\n',
      ' replicaset-controller Created pod: lone-',
    );
    includes(
      await described('ds', 'agent'),
      'Selector: app=agent\n',
      'Desired Number of Nodes Scheduled: 0\n',
      ' Image: busybox:1\n',
    );
  });

  it('a pod: containers, conditions, why it is not scheduled', async () => {
    await kube.ok(['wait', 'pod/solo', '--for=condition=PodScheduled=false', '--timeout=20s']);
    const events = await hub.watch('/api/v1/namespaces/shop/events?watch=1&fieldSelector=involvedObject.name%3Dsolo');
    await events.events.first(({ object }) => object.reason === 'FailedScheduling', 'FailedScheduling');
    events.close();
    includes(
      await described('pod', 'solo'),
      'Name: solo\nNamespace: shop\nPriority: 0\nService Account: default\nNode: <none>\nLabels: app=solo\n',
      'Status: Pending\nIP:\nIPs: <none>\n',
      ' c:\n Image: busybox\n Port: <none>\n Host Port: <none>\n Args:\n sleep\n 10\n',
      'Conditions:\n Type Status\n PodScheduled False\n',
      'QoS Class: BestEffort\n',
      'Tolerations: node.kubernetes.io/not-ready:NoExecute op=Exists\n node.kubernetes.io/unreachable:NoExecute op=Exists\n',
      ' Warning FailedScheduling ',
      ' default-scheduler 0/0 nodes are available',
    );
  });

  it('a pod that runs: node, addresses, container state', async () => {
    const agent = await hub.runPods('shop', 'app=solo');
    await kube.ok(['wait', 'pod/solo', '--for=condition=Ready', '--timeout=20s']);
    agent.close();
    includes(
      await described('pod', 'solo'),
      'Status: Running\nIP: 10.0.0.7\nIPs:\n IP: 10.0.0.7\n',
      ' Container ID: docker://c\n Image: busybox\n Image ID: sha256:busybox\n',
      ' State: Running\n Started: Thu, 01 Jan 2026 00:00:00 +0000\n Ready: True\n Restart Count: 0\n',
      ' Initialized True\n',
      ' Ready True\n',
    );
  });

  it('a service, and configuration without the secret parts', async () => {
    includes(
      await described('svc', 'web'),
      'Selector: app=web\nType: ClusterIP\nIP Family Policy: SingleStack\nIP Families: IPv4\nIP: 10.96.',
      'Port: http 80/TCP\nTargetPort: 8080/TCP\n',
      'Session Affinity: None\nInternal Traffic Policy: Cluster\n',
    );
    includes(
      await described('cm', 'settings'),
      'app.conf:\n----\na=1\nb=2\n',
      'color:\n----\nblue\n',
      'BinaryData\n====\nblob: 3 bytes\n',
    );
    const secret = await described('secret', 'keys');
    includes(secret, 'Type: Opaque\n\nData\n====\npassword: 6 bytes\nuser: 5 bytes');
    assert.ok(!secret.includes('c2VjcmV0') && !secret.includes('YWRtaW4='));
    includes(await described('sa', 'runner'), 'Name: runner\nNamespace: shop\n', 'Image pull secrets: <none>\n');
  });

  it('namespace, node, lease, event, revision and CSR', async () => {
    includes(
      await described('ns', 'shop'),
      'Name: shop\nLabels: kubernetes.io/metadata.name=shop\n team=tide\n',
      'Status: Active',
    );
    await hub.addNode('isle-1');
    await kube.ok(['taint', 'node', 'isle-1', 'sea=rough:NoSchedule']);
    includes(
      await described('node', 'isle-1'),
      'Name: isle-1\nRoles: <none>\nLabels: kubernetes.io/hostname=isle-1\n',
      'Taints: sea=rough:NoSchedule\nUnschedulable: false\n',
      ' Ready True ',
      ' KubeletReady kubelet is posting ready status\n',
      'Addresses:\n InternalIP: 192.0.2.1\n',
      'Capacity:\n cpu: 4\n memory: 8Gi\n pods: 110\n',
      ' OS Image: Test OS\n',
      ' Container Runtime Version: docker://1\n Kubelet Version: v1.35.0\n',
      'PodCIDR: 10.',
    );
    includes(await described('lease', 'lock'), 'Holder Identity: me\n Lease Duration Seconds: 30\n');
    includes(
      await described('event', 'note'),
      'Involved Object:\n',
      'Message: by hand\n',
      'Reason: Tested\n',
      'Count: 3\n',
    );
    includes(await described('controllerrevision', 'rev'), 'Revision: 7\n', 'Data:\n A: b\n');
    const request = Buffer.from('-----BEGIN CERTIFICATE REQUEST-----\n').toString('base64');
    await kube.apply([
      {
        apiVersion: 'certificates.k8s.io/v1',
        kind: 'CertificateSigningRequest',
        metadata: { name: 'ask' },
        spec: { request, signerName: 'example.com/own', usages: ['client auth'] },
      },
    ]);
    const requests = await kube.ok(['get', 'csr', 'ask', '--no-headers']);
    assert.match(requests, /^ask +\S+ +example\.com\/own +skerry-admin +<none> +Pending$/);
  });

  it('several at once, and what there is not', async () => {
    assert.equal((await described('pods', '-l', 'app=lone')).match(/^Name: lone-/gm)?.length, 1);
    assert.equal((await described('cm')).match(/^Name: /gm)?.length, 2);
    assert.equal(await kube.fails(['describe', 'pod', 'nope']), 'Error from server (NotFound): pods "nope" not found');
  });
});
