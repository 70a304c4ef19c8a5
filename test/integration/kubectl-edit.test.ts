// Changing objects in place with kubectl: label, annotate, patch in its three
// forms and on subresources, edit, and optimistic concurrency between writers.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startHub } from '../support/hub.ts';

const hub = await startHub();
const kube = hub.kubectl;
before(async () => {
  await kube.apply([
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { color: 'blue', size: 'xl' } },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'solo' },
      spec: { containers: [{ name: 'c', image: 'busybox:1' }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: {
            containers: [
              { name: 'main', image: 'demo:1', env: [{ name: 'A', value: '1' }], ports: [{ containerPort: 80 }] },
            ],
          },
        },
      },
    },
  ]);
});
after(async () => {
  await hub.stop();
  assert.deepEqual(hub.errors(), []);
});

const jsonpath = (target: string, path: string): Promise<string> => kube.ok(['get', target, '-o', `jsonpath=${path}`]);

describe('label and annotate', { timeout: 60_000 }, () => {
  it('labels, refuses to overwrite, overwrites, takes away', async () => {
    assert.equal(await kube.ok(['label', 'pod/solo', 'tier=front']), 'pod/solo labeled');
    assert.equal(await kube.ok(['label', 'pod/solo', 'tier=front']), 'pod/solo not labeled');
    assert.equal(
      await kube.fails(['label', 'pod/solo', 'tier=back']),
      "error: 'tier' already has a value (front), and --overwrite is false",
    );
    assert.equal(await kube.ok(['label', '--overwrite', 'pod', 'solo', 'tier=back']), 'pod/solo labeled');
    assert.equal(await kube.ok(['get', 'pods', '-l', 'tier=back', '-o', 'name']), 'pod/solo');
    assert.equal(await kube.ok(['label', 'pod/solo', 'tier-']), 'pod/solo unlabeled');
    assert.equal(await jsonpath('pod/solo', '{.metadata.labels}'), '');
    assert.equal(
      await kube.ok(['label', 'configmaps', '--all', 'all=yes']),
      'configmap/kube-root-ca.crt labeled\nconfigmap/settings labeled',
    );
  });

  it('annotates', async () => {
    assert.equal(await kube.ok(['annotate', 'pod/solo', 'note=hi']), 'pod/solo annotated');
    assert.match(await kube.fails(['annotate', 'pod/solo', 'note=ho']), /'note' already has a value \(hi\)$/);
    assert.equal(await kube.ok(['annotate', 'pod/solo', 'note-']), 'pod/solo annotated');
    assert.equal(await jsonpath('pod/solo', '{.metadata.annotations.note}'), '');
  });

  it('keeps the label with which a namespace is selected', async () => {
    await kube.ok(['create', 'namespace', 'named']);
    await kube.ok(['label', '--overwrite', 'ns', 'named', 'kubernetes.io/metadata.name=other']);
    assert.equal(
      await kube.ok(['get', 'ns', '-l', 'kubernetes.io/metadata.name=named', '-o', 'name']),
      'namespace/named',
    );
  });
});

describe('patch', { timeout: 60_000 }, () => {
  const patch = (target: string, type: string, body: unknown, ...more: string[]): Promise<string> =>
    kube.ok(['patch', target, `--type=${type}`, '-p', JSON.stringify(body), ...more]);

  it('merge: sets, and null takes away', async () => {
    assert.equal(
      await patch('cm/settings', 'merge', { data: { color: 'red', size: null } }),
      'configmap/settings patched',
    );
    assert.equal(await jsonpath('cm/settings', '{.data}'), '{"color":"red"}');
    assert.equal(
      await patch('cm/settings', 'merge', { data: { color: 'red' } }),
      'configmap/settings patched (no change)',
    );
    await patch(
      'deploy/web',
      'merge',
      { spec: { template: { spec: { containers: [{ name: 'only', image: 'x' }] } } } },
      '--dry-run=server',
    );
    assert.equal(await jsonpath('deploy/web', '{.spec.template.spec.containers[*].name}'), 'main');
  });

  it('strategic: lists merge by their keys, directives delete and replace', async () => {
    const containers = (list: object[]): object => ({ spec: { template: { spec: { containers: list } } } });
    await patch('deploy/web', 'strategic', containers([{ name: 'side', image: 'busybox' }]));
    // Without $setElementOrder what is new comes first.
    assert.equal(await jsonpath('deploy/web', '{.spec.template.spec.containers[*].name}'), 'side main');
    await patch('deploy/web', 'strategic', containers([{ name: 'main', env: [{ name: 'B', value: '2' }] }]));
    const env = '{range .spec.template.spec.containers[?(@.name=="main")].env[*]}{.name}={.value} {end}';
    assert.deepEqual((await jsonpath('deploy/web', env)).trim().split(' ').sort(), ['A=1', 'B=2']);
    await patch(
      'deploy/web',
      'strategic',
      containers([{ name: 'main', env: [{ $patch: 'replace' }, { name: 'C', value: '3' }] }]),
    );
    assert.equal(await jsonpath('deploy/web', env), 'C=3 ');
    await patch('deploy/web', 'strategic', containers([{ $patch: 'delete', name: 'side' }]));
    assert.equal(await jsonpath('deploy/web', '{.spec.template.spec.containers[*].name}'), 'main');
  });

  it('json: tests, replaces, adds, removes; all or nothing', async () => {
    const change = [
      { op: 'test', path: '/data/color', value: 'red' },
      { op: 'replace', path: '/data/color', value: 'green' },
      { op: 'add', path: '/metadata/annotations/a.example~1b', value: 'slash' },
    ];
    assert.equal(await patch('cm/settings', 'json', change), 'configmap/settings patched');
    const seen = await jsonpath('cm/settings', '{.data} {.metadata.annotations.a\\.example/b}');
    assert.equal(seen, '{"color":"green"} slash');
  });

  it('json: a failed test or a missing path changes nothing', async () => {
    const before = await jsonpath('cm/settings', '{.metadata.resourceVersion}');
    for (const last of [
      { op: 'test', path: '/data/color', value: 'pink' },
      { op: 'remove', path: '/data/none' },
    ]) {
      const body = JSON.stringify([{ op: 'add', path: '/data/new', value: '1' }, last]);
      assert.match(
        await kube.fails(['patch', 'cm', 'settings', '--type=json', '-p', body]),
        /^The request is invalid: /,
      );
    }
    assert.equal(await jsonpath('cm/settings', '{.metadata.resourceVersion}'), before);
  });

  it('--subresource=status changes the status only, and without it the status never', async () => {
    const body = {
      metadata: { labels: { from: 'status' } },
      spec: { activeDeadlineSeconds: 5 },
      status: { phase: 'Failed', reason: 'Tried', message: 'by hand' },
    };
    assert.equal(await patch('pod/solo', 'merge', body, '--subresource=status'), 'pod/solo patched');
    assert.equal(
      await jsonpath('pod/solo', '{.status.phase}/{.status.reason}/{.spec.activeDeadlineSeconds}'),
      'Failed/Tried/',
    );
    assert.equal(await patch('pod/solo', 'merge', { status: { phase: 'Running' } }), 'pod/solo patched (no change)');
    const row = (await kube.ok(['get', 'pod', 'solo', '--no-headers'])).split(/ +/);
    assert.deepEqual(row.slice(0, 4), ['solo', '0/1', 'Tried', '0']);
    await patch('deploy/web', 'merge', { spec: { replicas: 9 }, status: { replicas: 9 } }, '--subresource=status');
    assert.equal(await jsonpath('deploy/web', '{.spec.replicas}'), '0');
  });

  it('counts generations of the spec, not of status and metadata', async () => {
    const generation = async (): Promise<number> => Number(await jsonpath('deploy/web', '{.metadata.generation}'));
    const before = await generation();
    await kube.ok(['annotate', 'deploy/web', 'x=y']);
    assert.equal(await generation(), before);
    await patch('deploy/web', 'merge', { spec: { minReadySeconds: 1 } });
    assert.equal(await generation(), before + 1);
  });

  it('what may not change is refused', async () => {
    const refusals: [string, object, RegExp][] = [
      [
        'pod/solo',
        { spec: { nodeName: 'x' } },
        /^The Pod "solo" is invalid: spec: Forbidden: pod updates may not change fields other than/,
      ],
      [
        'deploy/web',
        { spec: { selector: { matchLabels: { app: 'other' } } } },
        /spec\.selector: Invalid value: .*: field is immutable/,
      ],
      [
        'svc/kubernetes',
        { spec: { clusterIP: '10.96.3.3' } },
        /^The Service "kubernetes" is invalid: spec\.clusterIPs?(\[0\])?: Invalid value: .*: (field is immutable|may not change)/,
      ],
      [
        'cm/settings',
        { metadata: { name: 'other' } },
        /^Error from server \(BadRequest\): the name of the object \(other\) does not match the name on the URL \(settings\)$/,
      ],
      [
        'cm/settings',
        { data: { color: 7 } },
        /^Error from server \(BadRequest\): ConfigMap in version "v1" cannot be handled as a ConfigMap: .*unmarshal number/,
      ],
      ['cm/none', {}, /^Error from server \(NotFound\): configmaps "none" not found$/],
    ];
    for (const [target, body, message] of refusals) {
      assert.match(await kube.fails(['patch', target, '--type=merge', '-p', JSON.stringify(body)]), message);
    }
    await patch('cm/settings', 'merge', { immutable: true });
    const frozen = await kube.fails(['patch', 'cm', 'settings', '-p', '{"data":{"color":"x"}}']);
    assert.equal(
      frozen,
      'The ConfigMap "settings" is invalid: data: Forbidden: field is immutable when `immutable` is set',
    );
  });

  it('drops unknown fields with a warning', async () => {
    const { code, stderr } = await kube.run(['patch', 'pod/solo', '--type=merge', '-p', '{"spec":{"colour":"red"}}']);
    assert.deepEqual([code, stderr], [0, 'Warning: unknown field "spec.colour"\n']);
  });
});

describe('edit', { timeout: 60_000 }, () => {
  const edit = (target: string, command: string): ReturnType<typeof kube.run> =>
    kube.run(['edit', target], { env: { EDITOR: `sed -i ${command}` } });

  it('saves what the editor made', async () => {
    const { code, stdout } = await edit('pod/solo', 's/busybox:1/busybox:2/');
    assert.deepEqual([code, stdout], [0, 'pod/solo edited\n']);
    assert.equal(await jsonpath('pod/solo', '{.spec.containers[0].image}'), 'busybox:2');
  });

  it('does nothing when nothing was changed', async () => {
    const { code, stderr } = await edit('pod/solo', 's/nothing/something/');
    assert.deepEqual([code, stderr], [0, 'Edit cancelled, no changes made.\n']);
  });

  it('keeps a copy of what is invalid', async () => {
    const { code, stderr } = await edit('pod/solo', 's/restartPolicy:.*/restartPolicy:\\ Sometimes/');
    assert.equal(code, 1);
    assert.match(stderr, /^error: pods "solo" is invalid\nA copy of your changes has been stored to ".*"\n/);
  });
});

describe('two writers', { timeout: 60_000 }, () => {
  it('the second one, who did not see what the first wrote, gets a conflict', async () => {
    await kube.apply([{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'shared' }, data: { n: '0' } }]);
    const stale = await kube.ok(['get', 'cm', 'shared', '-o', 'json']);
    await kube.ok(['patch', 'cm', 'shared', '-p', '{"data":{"n":"1"}}']);
    const message = await kube.fails(['replace', '-f', '-'], { stdin: stale });
    assert.equal(
      message,
      'Error from server (Conflict): error when replacing "STDIN": Operation cannot be fulfilled on configmaps "shared": the object has been modified; please apply your changes to the latest version and try again',
    );
    assert.equal(await jsonpath('cm/shared', '{.data.n}'), '1');
  });

  it('many at once without resourceVersion all come through', async () => {
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        hub.request('PATCH', '/api/v1/namespaces/default/configmaps/shared', {
          body: JSON.stringify({ data: { [`k${index}`]: 'v' } }),
          headers: { 'content-type': 'application/merge-patch+json' },
        }),
      ),
    );
    assert.deepEqual(
      results.map(({ code }) => code),
      Array.from({ length: 10 }, () => 200),
    );
    assert.equal(Object.keys(JSON.parse(await jsonpath('cm/shared', '{.data}')) as object).length, 11);
  });
});
