// kubectl apply, create, replace and diff against a real hub: a directory of
// every kind, again without change, changes and their three-way merges, dry
// runs, lists, and the generators of `kubectl create` (which send protobuf).
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { startHub } from '../support/hub.ts';
import { shopManifests, shopObjects } from '../support/manifests.ts';

type ConfigMap = {
  metadata: { annotations?: Record<string, string>; resourceVersion: string; uid: string };
  data?: Record<string, string>;
};

const configMap = (name: string, data: Record<string, string>): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});

const hub = await startHub();
const kube = hub.kubectl;
after(async () => {
  await hub.stop();
  assert.deepEqual(hub.errors(), []);
});

describe('kubectl apply', { timeout: 90_000 }, () => {
  it('applies a directory of every kind, and again without change', async () => {
    for (const [name, text] of Object.entries(shopManifests)) await kube.file(`shop/${name}`, text);
    const directory = `${kube.home}/shop`;
    const created = await kube.ok(['apply', '-f', directory]);
    assert.deepEqual(
      created.split('\n'),
      shopObjects.map((name) => `${name} created`),
    );
    const again = await kube.ok(['apply', '-f', directory]);
    // stringData is written by the user and never read back, so kubectl always sends it again.
    const expected = shopObjects.map((name) => (name === 'secret/keys' ? `${name} configured` : `${name} unchanged`));
    assert.deepEqual(again.split('\n'), expected);
    assert.equal((await kube.run(['diff', '-f', `${directory}/20-web.yaml`])).code, 0);
  });

  it('takes out what was taken out of the manifest and keeps what others added', async () => {
    await kube.apply([configMap('merge', { a: '1', b: '2' })]);
    await kube.ok(['patch', 'configmap', 'merge', '--type=merge', '-p', '{"data":{"c":"3"}}']);
    assert.equal(await kube.apply([configMap('merge', { a: 'one' })]), 'configmap/merge configured');
    const { data, metadata } = await kube.json<ConfigMap>(['get', 'configmap', 'merge']);
    assert.deepEqual(data, { a: 'one', c: '3' });
    const applied = metadata.annotations?.['kubectl.kubernetes.io/last-applied-configuration'] ?? '';
    assert.deepEqual(JSON.parse(applied).data, { a: 'one' });
    const viewed = await kube.ok(['apply', 'view-last-applied', 'configmap/merge', '-o', 'json']);
    assert.deepEqual(JSON.parse(viewed), JSON.parse(applied));
  });

  it('merges lists of a pod template by name', async () => {
    const deployment = (containers: object[]): object => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'merged' },
      spec: {
        selector: { matchLabels: { app: 'm' } },
        replicas: 0,
        template: { metadata: { labels: { app: 'm' } }, spec: { containers } },
      },
    });
    await kube.apply([
      deployment([
        { name: 'main', image: 'a:1' },
        { name: 'side', image: 'b:1' },
      ]),
    ]);
    const sidecar = { spec: { template: { spec: { containers: [{ name: 'injected', image: 'i' }] } } } };
    await kube.ok(['patch', 'deployment', 'merged', '-p', JSON.stringify(sidecar)]);
    await kube.apply([deployment([{ name: 'main', image: 'a:2' }])]);
    const containers = await kube.ok([
      'get',
      'deploy',
      'merged',
      '-o',
      'jsonpath={range .spec.template.spec.containers[*]}{.name}={.image} {end}',
    ]);
    assert.deepEqual(containers.trim().split(' ').sort(), ['injected=i', 'main=a:2']);
  });

  it('shows what a dry run would do and does nothing', async () => {
    const object = configMap('dry', { a: '1' });
    assert.equal(await kube.apply([object], '--dry-run=server'), 'configmap/dry created (server dry run)');
    assert.equal(await kube.apply([object], '--dry-run=client'), 'configmap/dry created (dry run)');
    assert.equal(await kube.fails(['get', 'cm', 'dry']), 'Error from server (NotFound): configmaps "dry" not found');
    await kube.apply([object]);
    const before = await kube.json<ConfigMap>(['get', 'cm', 'dry']);
    const stdin = JSON.stringify(configMap('dry', { a: '2' }));
    assert.equal(
      await kube.ok(['apply', '-f', '-', '--dry-run=server'], { stdin }),
      'configmap/dry configured (server dry run)',
    );
    assert.equal(
      await kube.ok(['delete', 'cm', 'dry', '--dry-run=server']),
      'configmap "dry" deleted from default namespace (server dry run)',
    );
    assert.deepEqual(await kube.json<ConfigMap>(['get', 'cm', 'dry']), before);
  });

  it('diffs: 0 when alike, 1 with the lines that change', async () => {
    const same = JSON.stringify(configMap('differ', { a: '1' }));
    await kube.ok(['create', '-f', '-'], { stdin: same });
    assert.deepEqual(await kube.run(['diff', '-f', '-'], { stdin: same }), { code: 0, stdout: '', stderr: '' });
    const changed = await kube.run(['diff', '-f', '-'], { stdin: JSON.stringify(configMap('differ', { a: '2' })) });
    assert.equal(changed.code, 1);
    const lines = changed.stdout.split('\n').filter((line) => /^[+-] /.test(line));
    assert.deepEqual(lines, ['-  a: "1"', '+  a: "2"']);
    const added = await kube.run(['diff', '-f', '-'], { stdin: JSON.stringify(configMap('absent', { a: '1' })) });
    assert.equal(added.code, 1);
    assert.match(added.stdout, /^\+ {2}name: absent$/m);
  });

  it('replaces, and with --force deletes and makes anew', async () => {
    await kube.apply([configMap('whole', { a: '1', b: '2' })]);
    const { uid } = (await kube.json<ConfigMap>(['get', 'cm', 'whole'])).metadata;
    const stdin = JSON.stringify(configMap('whole', { c: '3' }));
    assert.equal(await kube.ok(['replace', '-f', '-'], { stdin }), 'configmap/whole replaced');
    const replaced = await kube.json<ConfigMap>(['get', 'cm', 'whole']);
    assert.deepEqual(
      [replaced.data, replaced.metadata.uid, replaced.metadata.annotations],
      [{ c: '3' }, uid, undefined],
    );
    const forced = await kube.ok(['replace', '--force', '-f', '-'], { stdin });
    assert.deepEqual(forced.split('\n'), [
      'configmap "whole" deleted from default namespace',
      'configmap/whole replaced',
    ]);
    assert.notEqual((await kube.json<ConfigMap>(['get', 'cm', 'whole'])).metadata.uid, uid);
    const missing = await kube.fails(['replace', '-f', '-'], { stdin: JSON.stringify(configMap('nope', {})) });
    assert.equal(missing, 'Error from server (NotFound): error when replacing "STDIN": configmaps "nope" not found');
  });

  it('takes a List, and the output of get', async () => {
    const list = { apiVersion: 'v1', kind: 'List', items: [configMap('l1', { a: '1' }), configMap('l2', { a: '1' })] };
    assert.equal(await kube.apply([list]), 'configmap/l1 created\nconfigmap/l2 created');
    const text = await kube.ok(['get', 'cm', 'l1', 'l2', '-o', 'yaml']);
    const reapplied = await kube.run(['apply', '-f', '-'], { stdin: text });
    assert.equal(reapplied.code, 0, reapplied.stderr);
    assert.equal(reapplied.stdout, 'configmap/l1 configured\nconfigmap/l2 configured\n');
  });

  it('creates from kustomizations', async () => {
    await kube.file('kust/kustomization.yaml', 'namePrefix: k-\nresources: [cm.yaml]\n');
    await kube.file('kust/cm.yaml', JSON.stringify(configMap('one', { a: 'b' })));
    assert.equal(await kube.ok(['apply', '-k', `${kube.home}/kust`]), 'configmap/k-one created');
  });
});

describe('kubectl create', { timeout: 60_000 }, () => {
  const jsonpath = (target: string, path: string): Promise<string> =>
    kube.ok(['get', target, '-o', `jsonpath=${path}`]);

  it('makes objects with its generators', async () => {
    const made: [string[], string][] = [
      [['namespace', 'extra'], 'namespace/extra created'],
      [['deployment', 'hello', '--image=nginx', '--replicas=3', '--port=80'], 'deployment.apps/hello created'],
      [['configmap', 'c1', '--from-literal=a=b', '--from-literal=c=d'], 'configmap/c1 created'],
      [['secret', 'generic', 's1', '--from-literal=p=q'], 'secret/s1 created'],
      [['secret', 'docker-registry', 'reg', '--docker-username=u', '--docker-password=p'], 'secret/reg created'],
      [['serviceaccount', 'robot'], 'serviceaccount/robot created'],
      [['service', 'clusterip', 'cs', '--tcp=80:8080'], 'service/cs created'],
      [['service', 'externalname', 'en', '--external-name=a.example'], 'service/en created'],
    ];
    for (const [args, output] of made) assert.equal(await kube.ok(['create', ...args]), output);
    assert.equal(
      await jsonpath('deploy/hello', '{.spec.replicas} {.spec.template.spec.containers[0].ports[0]}'),
      '3 {"containerPort":80,"protocol":"TCP"}',
    );
    assert.equal(await jsonpath('cm/c1', '{.data}'), '{"a":"b","c":"d"}');
    assert.equal(await jsonpath('secret/s1', '{.type} {.data.p}'), 'Opaque cQ==');
    assert.equal(await jsonpath('secret/reg', '{.type}'), 'kubernetes.io/dockerconfigjson');
    assert.equal(
      await jsonpath('svc/cs', '{.spec.ports[0].port} {.spec.ports[0].targetPort} {.spec.selector.app}'),
      '80 8080 cs',
    );
    assert.equal(
      await jsonpath('svc/en', '{.spec.type} {.spec.externalName} {.spec.clusterIP}'),
      'ExternalName a.example ',
    );
    const twice = await kube.fails(['create', 'configmap', 'c1']);
    assert.equal(twice, 'error: failed to create configmap: configmaps "c1" already exists');
  });

  it('takes files of every size and content into ConfigMaps and Secrets', async () => {
    const path = await kube.file('data.txt', 'line 1\nline 2 äöü\n');
    await kube.ok(['create', 'cm', 'from-file', `--from-file=${path}`]);
    assert.equal(await jsonpath('cm/from-file', '{.data.data\\.txt}'), 'line 1\nline 2 äöü\n'.trimEnd());
    await kube.ok(['create', 'secret', 'generic', 'from-file', `--from-file=key=${path}`]);
    const stored = Buffer.from(await jsonpath('secret/from-file', '{.data.key}'), 'base64').toString();
    assert.equal(stored, 'line 1\nline 2 äöü\n');
  });

  it('draws a name for generateName', async () => {
    const stdin = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'job-' } });
    const outputs = [await kube.ok(['create', '-f', '-'], { stdin }), await kube.ok(['create', '-f', '-'], { stdin })];
    for (const output of outputs) assert.match(output, /^configmap\/job-[a-z0-9]{5} created$/);
    assert.notEqual(outputs[0], outputs[1]);
  });

  it('runs and exposes a pod', async () => {
    assert.equal(
      await kube.ok(['run', 'one', '--image=busybox', '--port=80', '--env=A=b', '--labels=q=1', '--', 'sleep', '10']),
      'pod/one created',
    );
    const spec = await jsonpath(
      'pod/one',
      '{.spec.containers[0].args} {.spec.containers[0].env[0].value} {.metadata.labels.q}',
    );
    assert.equal(spec, '["sleep","10"] b 1');
    assert.equal(
      await kube.ok(['expose', 'pod', 'one', '--port=8000', '--target-port=80', '--name=one-svc']),
      'service/one-svc exposed',
    );
    assert.equal(
      await jsonpath('svc/one-svc', '{.spec.selector} {.spec.ports[0].port}/{.spec.ports[0].targetPort}'),
      '{"q":"1"} 8000/80',
    );
    assert.equal(await kube.ok(['expose', 'deployment', 'hello', '--port=81']), 'service/hello exposed');
    const dry = await kube.ok([
      'run',
      'two',
      '--image=busybox',
      '--dry-run=server',
      '-o',
      'jsonpath={.spec.containers[0].imagePullPolicy} {.status.phase}',
    ]);
    assert.equal(dry, 'Always Pending');
    assert.match(await kube.fails(['get', 'pod', 'two']), /NotFound/);
  });

  it('gives each Service an address of its own and keeps the one that was asked for', async () => {
    await kube.ok(['create', 'service', 'clusterip', 'fixed', '--tcp=80', '--clusterip=10.96.7.7']);
    assert.equal(await jsonpath('svc/fixed', '{.spec.clusterIP} {.spec.clusterIPs}'), '10.96.7.7 ["10.96.7.7"]');
    const taken = await kube.fails(['create', 'service', 'clusterip', 'second', '--tcp=80', '--clusterip=10.96.7.7']);
    assert.match(
      taken,
      /Service "second" is invalid: spec.clusterIPs: Invalid value: .*provided IP is already allocated$/,
    );
    await kube.ok(['create', 'service', 'clusterip', 'headless', '--clusterip=None']);
    assert.equal(
      await kube.ok(['get', 'svc', 'headless', '--no-headers', '-o', 'custom-columns=IP:.spec.clusterIP']),
      'None',
    );
    assert.equal(await jsonpath('svc/kubernetes', '{.spec.clusterIP}'), '10.96.0.1');
  });
});
