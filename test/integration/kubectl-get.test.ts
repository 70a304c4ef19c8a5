// kubectl get in all its forms, and what describes the server itself:
// api-resources, explain, version, raw paths.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startHub } from '../support/hub.ts';
import { shopManifests, shopObjects } from '../support/manifests.ts';

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

/** The words of a table's line; columns are two blanks or more apart. */
const words = (line = ''): string[] => line.trim().split(/ {2,}/);
const table = async (...args: string[]): Promise<string[][]> =>
  (await kube.ok(['get', ...args])).split('\n').map((line) => words(line));

describe('tables', { timeout: 60_000 }, () => {
  it('have the columns of each kind', async () => {
    const columns: Record<string, string> = {
      'ns/shop': 'NAME STATUS AGE',
      'cm/settings': 'NAME DATA AGE',
      'secret/keys': 'NAME TYPE DATA AGE',
      'sa/runner': 'NAME SECRETS AGE',
      'svc/web': 'NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE',
      'deploy/web': 'NAME READY UP-TO-DATE AVAILABLE AGE',
      'rs/lone': 'NAME DESIRED CURRENT READY AGE',
      'ds/agent': 'NAME DESIRED CURRENT READY UP-TO-DATE AVAILABLE NODE_SELECTOR AGE',
      'po/solo': 'NAME READY STATUS RESTARTS AGE',
      'lease/lock': 'NAME HOLDER AGE',
      'ev/note': 'LAST_SEEN TYPE REASON OBJECT MESSAGE',
      'controllerrevision/rev': 'NAME CONTROLLER REVISION AGE',
      'pc/system-node-critical': 'NAME VALUE GLOBAL-DEFAULT AGE PREEMPTIONPOLICY',
    };
    const found = await Promise.all(Object.keys(columns).map(async (target) => [target, (await table(target))[0]]));
    const expected = Object.entries(columns).map(([target, text]) => [
      target,
      text.split(' ').map((word) => word.replace('_', ' ')),
    ]);
    assert.deepEqual(found, expected);
  });

  it('have cells that tell the state', async () => {
    const cells = async (target: string): Promise<string[]> => (await table(target))[1]?.slice(0, -1) ?? [];
    assert.deepEqual(await cells('cm/settings'), ['settings', '3']);
    assert.deepEqual(await cells('secret/keys'), ['keys', 'Opaque', '2']);
    assert.deepEqual(await cells('po/solo'), ['solo', '0/1', 'Pending', '0']);
    assert.deepEqual(await cells('ns/shop'), ['shop', 'Active']);
    const [criticals, critical] = [await table('pc', '--no-headers'), 'PreemptLowerPriority'];
    assert.deepEqual(
      criticals.map(([name, value, isDefault, , policy]) => [name, value, isDefault, policy]),
      [
        ['system-cluster-critical', '2000000000', 'false', critical],
        ['system-node-critical', '2000001000', 'false', critical],
      ],
    );
    const [name, type, address, ...rest] = await cells('svc/web');
    assert.deepEqual([name, type, rest], ['web', 'ClusterIP', ['<none>', '80/TCP']]);
    assert.match(address ?? '', /^10\.96\.\d+\.\d+$/);
    assert.deepEqual((await table('ev/note'))[1]?.slice(1), ['Normal', 'Tested', 'pod/solo', 'by hand']);
  });

  it('show more with -o wide, and labels', async () => {
    const [header, row] = await table('deploy', 'web', '-o', 'wide');
    assert.deepEqual(header?.slice(-3), ['CONTAINERS', 'IMAGES', 'SELECTOR']);
    assert.deepEqual(row?.slice(-3), ['web', 'nginx:1.27', 'app=web']);
    const [podHeader, podRow] = await table('po', 'solo', '-o', 'wide');
    assert.deepEqual(podHeader?.slice(-4), ['IP', 'NODE', 'NOMINATED NODE', 'READINESS GATES']);
    assert.deepEqual(podRow?.slice(-4), ['<none>', '<none>', '<none>', '<none>']);
    const [labelHeader, labelRow] = await table('svc', 'web', '--show-labels', '-L', 'app');
    assert.deepEqual(
      [labelHeader?.slice(-2), labelRow?.slice(-2)],
      [
        ['APP', 'LABELS'],
        ['web', 'app=web'],
      ],
    );
    const [scaleHeader, scaleRow] = await table('deploy/web', '--subresource=scale');
    assert.deepEqual(
      [scaleHeader, scaleRow?.slice(0, 2)],
      [
        ['NAME', 'DESIRED', 'AVAILABLE', 'AGE'],
        ['web', '2'],
      ],
    );
  });

  it('of several kinds, of all, of all namespaces', async () => {
    const names = await kube.ok(['get', 'pods,services,deployments', '-o', 'name']);
    assert.match(names, /^pod\/.*\nservice\/web\ndeployment\.apps\/web$/s);
    const all = await table('all');
    const kinds = new Set(
      all
        .slice(1)
        .map(([name = '']) => name.split('/')[0])
        .filter((kind) => kind !== 'NAME' && kind !== ''),
    );
    assert.deepEqual([...kinds], ['pod', 'service', 'daemonset.apps', 'deployment.apps', 'replicaset.apps']);
    const everywhere = await table('services', '-A');
    assert.deepEqual(
      everywhere.map((row) => row.slice(0, 2)),
      [
        ['NAMESPACE', 'NAME'],
        ['default', 'kubernetes'],
        ['shop', 'web'],
      ],
    );
    assert.equal(
      (await kube.run(['get', 'pods', '-n', 'default'])).stderr,
      'No resources found in default namespace.\n',
    );
    assert.deepEqual(
      (await table('namespaces')).slice(1).map(([name]) => name),
      ['default', 'kube-node-lease', 'kube-public', 'kube-system', 'shop'],
    );
  });

  it('come in pages', async () => {
    const makeMany = Array.from({ length: 12 }, (_, index) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `page-${index + 10}`, labels: { page: 'y' } },
    }));
    await kube.apply(makeMany);
    const { stdout, stderr } = await kube.run(['get', 'cm', '-l', 'page=y', '--chunk-size=5', '-o', 'name', '-v=6']);
    assert.deepEqual(
      stdout.trim().split('\n'),
      makeMany.map(({ metadata }) => `configmap/${metadata.name}`),
    );
    assert.equal(stderr.match(/configmaps\?[^"]*limit=5/g)?.length, 3);
  });
});

describe('output forms', { timeout: 60_000 }, () => {
  it('yaml and json hold the whole object', async () => {
    const text = await kube.ok(['get', 'cm', 'settings', '-o', 'yaml']);
    assert.match(
      text,
      /^apiVersion: v1\nbinaryData:\n {2}blob: AAEC\ndata:\n {2}app\.conf: \|\n {4}a=1\n {4}b=2\n {2}color: blue\nkind: ConfigMap\n/,
    );
    const object = await kube.json<{ metadata: Record<string, string> }>(['get', 'cm', 'settings']);
    assert.deepEqual([object.metadata.name, object.metadata.namespace], ['settings', 'shop']);
    assert.match(object.metadata.uid ?? '', /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.match(object.metadata.creationTimestamp ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    const list = await kube.json<{ kind: string; items: { kind: string; apiVersion: string }[] }>(['get', 'deploy']);
    assert.equal(list.kind, 'List');
    assert.deepEqual(
      list.items.map(({ kind, apiVersion }) => [kind, apiVersion]),
      [['Deployment', 'apps/v1']],
    );
  });

  it('defaults are filled in', async () => {
    const spec = await kube.ok([
      'get',
      'deploy',
      'web',
      '-o',
      'jsonpath={.spec.strategy}{.spec.progressDeadlineSeconds} {.spec.template.spec.securityContext}',
    ]);
    assert.equal(spec, '{"rollingUpdate":{"maxSurge":"25%","maxUnavailable":"25%"},"type":"RollingUpdate"}600 {}');
    const probe = await kube.ok([
      'get',
      'deploy',
      'web',
      '-o',
      'jsonpath={.spec.template.spec.containers[0].livenessProbe}',
    ]);
    assert.deepEqual(JSON.parse(probe), {
      failureThreshold: 3,
      periodSeconds: 10,
      successThreshold: 1,
      timeoutSeconds: 1,
      httpGet: { path: '/healthz', port: 8080, scheme: 'HTTP' },
    });
  });

  it('jsonpath, go-template and custom columns', async () => {
    assert.equal(
      await kube.ok(['get', 'svc', 'web', '-o', 'jsonpath={.spec.ports[?(@.name=="http")].targetPort}']),
      '8080',
    );
    assert.equal(await kube.ok(['get', 'svc', '-o', 'go-template={{range .items}}{{.metadata.name}} {{end}}']), 'web ');
    const columns = await kube.ok([
      'get',
      'deploy',
      '-o',
      'custom-columns=WHO:.metadata.name,IMAGE:.spec.template.spec.containers[*].image',
    ]);
    assert.deepEqual(columns.split('\n').map(words), [
      ['WHO', 'IMAGE'],
      ['web', 'nginx:1.27'],
    ]);
  });

  it('sorted', async () => {
    const objects = ['b', 'c', 'a'].map((name, index) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `sort-${name}`, labels: { sort: 'y' } },
      data: { rank: String(index) },
    }));
    await kube.apply(objects);
    assert.equal(
      await kube.ok(['get', 'cm', '-l', 'sort=y', '--sort-by=.data.rank', '-o', 'name']),
      'configmap/sort-b\nconfigmap/sort-c\nconfigmap/sort-a',
    );
    const rows = await table('cm', '-l', 'sort=y', '--sort-by=.data.rank');
    assert.deepEqual(
      rows.map(([name]) => name),
      ['NAME', 'sort-b', 'sort-c', 'sort-a'],
    );
  });
});

describe('selectors', { timeout: 60_000 }, () => {
  it('by label', async () => {
    const objects = [
      ['x1', 'red'],
      ['x2', 'green'],
      ['x3', 'blue'],
    ].map(([name = '', hue = '']) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, labels: { hue, set: 'x' } },
    }));
    await kube.apply(objects);
    const select = async (selector: string): Promise<string> =>
      (await kube.ok(['get', 'cm', '-l', selector, '-o', 'name'])).replaceAll('configmap/', '');
    assert.equal(await select('hue=red'), 'x1');
    assert.equal(await select('set=x,hue!=red'), 'x2\nx3');
    assert.equal(await select('hue in (red, blue)'), 'x1\nx3');
    assert.equal(await select('set,hue notin (red)'), 'x2\nx3');
    assert.equal(await select('set=x,!hue'), '');
    const bad = await kube.fails(['get', 'cm', '-l', 'hue in (red']);
    assert.match(
      bad,
      /^Error from server \(BadRequest\): Unable to find "\/v1, Resource=configmaps" that match label selector "hue in \(red"/,
    );
  });

  it('by field', async () => {
    assert.equal(
      await kube.ok(['get', 'pods', '--field-selector=metadata.name=solo,status.phase=Pending', '-o', 'name']),
      'pod/solo',
    );
    assert.equal(await kube.ok(['get', 'pods', '--field-selector=spec.nodeName=elsewhere', '-o', 'name']), '');
    assert.equal(
      await kube.ok(['get', 'events', '--field-selector=involvedObject.name=solo,reason=Tested', '-o', 'name']),
      'event/note',
    );
    assert.equal(
      await kube.ok(['get', 'svc', '-A', '--field-selector=metadata.namespace!=shop', '-o', 'name']),
      'service/kubernetes',
    );
    const unknown = await kube.fails(['get', 'pods', '--field-selector=spec.foo=1']);
    assert.match(unknown, /^Error from server \(BadRequest\): .*field label not supported: spec\.foo/);
  });
});

describe('watching', { timeout: 60_000 }, () => {
  it('-w prints the list and then each change', async () => {
    await kube.apply([{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'seen', labels: { seen: 'y' } } }]);
    const watch = await kube.stream(['get', 'cm', '-l', 'seen=y', '-w', '--output-watch-events']);
    await watch.line(/^ADDED +seen +0 /);
    await kube.ok(['patch', 'cm', 'seen', '-p', '{"data":{"a":"b"}}']);
    await watch.line(/^MODIFIED +seen +1 /);
    await kube.apply([{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'seen-too', labels: { seen: 'y' } } }]);
    await watch.line(/^ADDED +seen-too +0 /);
    await kube.ok(['label', 'cm', 'seen-too', 'seen-']);
    await watch.line(/^DELETED +seen-too /);
    await kube.ok(['delete', 'cm', 'seen']);
    await watch.line(/^DELETED +seen +1 /);
    await watch.stop();
    assert.deepEqual(
      watch.lines.map((line) => words(line).slice(0, 2).join(' ')),
      ['EVENT NAME', 'ADDED seen', 'MODIFIED seen', 'ADDED seen-too', 'DELETED seen-too', 'DELETED seen'],
    );
  });

  it('-w of one object, and --watch-only', async () => {
    await kube.apply([{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'single' } }]);
    const single = await kube.stream(['get', 'cm', 'single', '-w', '-o', 'jsonpath={.data.n}{"\\n"}']);
    const fresh = await kube.stream(['get', 'cm', '--watch-only', '-o', 'name']);
    await single.line(/^$/);
    await kube.ok(['patch', 'cm', 'single', '-p', '{"data":{"n":"7"}}']);
    await single.line(/^7$/);
    for (let attempt = 0; fresh.lines.length === 0 && attempt < 50; attempt += 1) {
      // The watch may begin after a change that comes too early, so changes go on until one is seen.
      await kube.ok(['patch', 'cm', 'single', '-p', `{"data":{"n":"${100 + attempt}"}}`]);
    }
    assert.deepEqual([...new Set(fresh.lines)], ['configmap/single']);
    await Promise.all([single.stop(), fresh.stop()]);
  });
});

describe('the server describes itself', { timeout: 60_000 }, () => {
  it('api-resources and api-versions', async () => {
    const rows = (await kube.ok(['api-resources', '--no-headers'])).split('\n').map((line) => line.trim().split(/ +/));
    const find = (plural: string): string[] | undefined => rows.find(([name]) => name === plural);
    assert.deepEqual(find('pods'), ['pods', 'po', 'v1', 'true', 'Pod']);
    assert.deepEqual(find('nodes'), ['nodes', 'no', 'v1', 'false', 'Node']);
    assert.deepEqual(find('deployments'), ['deployments', 'deploy', 'apps/v1', 'true', 'Deployment']);
    assert.deepEqual(find('leases'), ['leases', 'coordination.k8s.io/v1', 'true', 'Lease']);
    assert.deepEqual(find('certificatesigningrequests'), [
      'certificatesigningrequests',
      'csr',
      'certificates.k8s.io/v1',
      'false',
      'CertificateSigningRequest',
    ]);
    const versions = (await kube.ok(['api-versions'])).split('\n');
    for (const version of ['apps/v1', 'certificates.k8s.io/v1', 'coordination.k8s.io/v1', 'v1'])
      assert.ok(versions.includes(version), version);
  });

  it('every kind can be listed by plural, singular, short name and with its group', async () => {
    for (const name of ['deployments', 'deployment', 'deploy', 'deployments.apps', 'deployments.v1.apps']) {
      assert.equal(await kube.ok(['get', name, '-o', 'name']), 'deployment.apps/web', name);
    }
    const resources = (await kube.ok(['api-resources', '--verbs=list', '-o', 'name'])).split('\n');
    const listed = await kube.ok(['get', resources.join(','), '-A', '-o', 'name', '--ignore-not-found']);
    for (const name of shopObjects) assert.ok(listed.split('\n').includes(name), name);
  });

  it('explain', async () => {
    const strategy = await kube.ok(['explain', 'deployment.spec.strategy']);
    assert.match(
      strategy,
      /^GROUP: {6}apps\nKIND: {7}Deployment\nVERSION: {4}v1\n\nFIELD: strategy <DeploymentStrategy>/,
    );
    assert.match(strategy, /rollingUpdate\t<RollingUpdateDeployment>/);
    assert.match(
      await kube.ok(['explain', 'pod']),
      /DESCRIPTION:\n {4}Pod is a collection of containers that can run on a host\./,
    );
    const recursive = await kube.ok(['explain', 'pod', '--recursive']);
    assert.match(recursive, /^ {4}containers\t<\[\]Container> -required-$/m);
    assert.match(recursive, /^ {8}containerPort\t<integer> -required-$/m);
    assert.match(await kube.fails(['explain', 'pod.spec.nope']), /error: field "nope" does not exist$/);
  });

  it('version, cluster-info and raw paths', async () => {
    assert.match(
      await kube.ok(['version']),
      /^Client Version: v1\.35\.\d+\nKustomize Version: .*\nServer Version: v1\.36\./,
    );
    assert.match(
      await kube.ok(['cluster-info']),
      /Kubernetes control plane.* is running at .*https:\/\/127\.0\.0\.1:\d+/,
    );
    for (const path of ['/healthz', '/livez', '/readyz']) assert.equal(await kube.ok(['get', '--raw', path]), 'ok');
    const version = JSON.parse(await kube.ok(['get', '--raw', '/version'])) as { major: string; minor: string };
    assert.deepEqual([version.major, version.minor], ['1', '36']);
    assert.equal((JSON.parse(await kube.ok(['get', '--raw', '/apis'])) as { kind: string }).kind, 'APIGroupList');
    const pod = JSON.parse(await kube.ok(['get', '--raw', '/api/v1/namespaces/shop/pods/solo'])) as {
      kind: string;
      apiVersion: string;
    };
    assert.deepEqual([pod.kind, pod.apiVersion], ['Pod', 'v1']);
    assert.match(await kube.ok(['get', '--raw', '/metrics']), /^apiserver_request_total\{.*verb="list".*\} \d+$/m);
    assert.equal(
      await kube.fails(['get', '--raw', '/nope']),
      'Error from server (NotFound): the server could not find the requested resource',
    );
  });
});
