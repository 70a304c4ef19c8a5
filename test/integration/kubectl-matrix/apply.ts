// Rows of apply.
import assert from 'node:assert/strict';
import { fieldOf, type Thing } from '../../support/things.ts';
import { type Row, rowsOf } from './row.ts';
import { configMap, input, service } from './things.ts';

const lastApplied = 'metadata.annotations[kubectl.kubernetes.io/last-applied-configuration]';

type Managed = { manager: string; operation: string; subresource?: string; fieldsV1: Thing };
const managersOf = (object: Thing): string[] =>
  (fieldOf(object, 'metadata.managedFields') as Managed[]).map(({ manager, operation }) => `${manager} ${operation}`);

const clientSide = rowsOf('apply', {
  'client-side: created, unchanged, configured': async (seat) => {
    await seat.says('apply -f -', 'configmap/applied created', input(configMap('applied', { a: '1', b: '2' })));
    await seat.says('apply -f -', 'configmap/applied unchanged', input(configMap('applied', { a: '1', b: '2' })));
    await seat.ok(`patch configmap applied --type=merge -p '{"data":{"c":"3"}}'`);
    await seat.says('apply -f -', 'configmap/applied configured', input(configMap('applied', { a: 'one' })));
    // Taken out of the manifest and so out of the object; what another added stays.
    const object = await seat.holds('configmaps/applied', { data: { a: 'one', c: '3' } });
    const saved = JSON.parse(String(fieldOf(object, lastApplied))) as Thing;
    assert.deepEqual(saved.data, { a: 'one' });
  },
  'client-side: the manager is kubectl-client-side-apply': async (seat) => {
    await seat.ok('apply -f -', input(configMap('applied-by', { a: '1' })));
    assert.deepEqual(managersOf(await seat.object('configmaps/applied-by')), ['kubectl-client-side-apply Update']);
    await seat.ok('apply --field-manager=captain -f -', input(configMap('applied-by', { a: '1', b: '2' })));
    const managers = managersOf(await seat.object('configmaps/applied-by')).sort();
    assert.deepEqual(managers, ['captain Update', 'kubectl-client-side-apply Update']);
  },
  'a directory, --recursive, a List': async (seat) => {
    await seat.kube.file('applied-tree/one.yaml', JSON.stringify(configMap('applied-one')));
    await seat.kube.file('applied-tree/deep/two.json', JSON.stringify(configMap('applied-two')));
    await seat.says('apply -f applied-tree', 'configmap/applied-one created');
    const lines = (await seat.ok('apply -R -f applied-tree')).split('\n').sort();
    assert.deepEqual(lines, ['configmap/applied-one unchanged', 'configmap/applied-two created']);
    const items = [configMap('applied-three'), configMap('applied-four')];
    const list = await seat.ok('apply -f -', input({ apiVersion: 'v1', kind: 'List', items }));
    assert.deepEqual(list.split('\n'), ['configmap/applied-three created', 'configmap/applied-four created']);
    await seat.holds('configmaps/applied-four', { 'metadata.namespace': seat.namespace });
  },
  '--dry-run=client and server': async (seat) => {
    await seat.says('apply --dry-run=client -f -', /created \(dry run\)$/, input(configMap('applied-dry')));
    await seat.says('apply --dry-run=server -f -', /created \(server dry run\)$/, input(configMap('applied-dry')));
    await seat.absent('configmaps/applied-dry');
    const stdout = await seat.ok('apply --dry-run=server -o json -f -', input(configMap('applied-dry')));
    assert.match(String(fieldOf(JSON.parse(stdout), 'metadata.uid')), /^[0-9a-f-]{36}$/);
    await seat.refuses('apply --dry-run=server -f -', /is invalid: metadata\.name/, input(configMap('Applied_dry')));
  },
  '--force makes an immutable object anew': async (seat) => {
    const fixed = (value: string): Thing => ({ ...configMap('applied-fixed', { a: value }), immutable: true });
    await seat.ok('apply -f -', input(fixed('1')));
    const { uid } = (await seat.object('configmaps/applied-fixed')).metadata as { uid: string };
    await seat.refuses('apply -f -', /field is immutable when `immutable` is set/, input(fixed('2')));
    await seat.ok('apply --force -f -', input(fixed('2')));
    const object = await seat.holds('configmaps/applied-fixed', { 'data.a': '2' });
    assert.notEqual(fieldOf(object, 'metadata.uid'), uid);
  },
  '--validate=strict, and warn': async (seat) => {
    const odd = { ...configMap('applied-odd'), colour: 'red' };
    await seat.refuses('apply -f -', /unknown field "colour"/, input(odd));
    await seat.absent('configmaps/applied-odd');
    const { code, stderr } = await seat.run('apply --validate=warn -f -', input(odd));
    assert.deepEqual([code, stderr.trim()], [0, 'Warning: unknown field "colour"']);
    await seat.holds('configmaps/applied-odd', { colour: undefined });
  },
  '-k builds and applies a kustomization': async (seat) => {
    await seat.kube.file('applied-k/map.yaml', JSON.stringify(configMap('k', { a: '1' })));
    const kustomization = [
      'resources: [map.yaml]',
      'namePrefix: applied-',
      'labels: [{pairs: {row: kustomized}}]',
      'configMapGenerator: [{name: gen, literals: [x=y]}]',
    ];
    await seat.kube.file('applied-k/kustomization.yaml', kustomization.join('\n'));
    const stdout = await seat.says('apply -k applied-k', /^configmap\/applied-k created$/m);
    const generated = /^configmap\/(applied-gen-[a-z0-9]{10}) created$/m.exec(stdout)?.[1] ?? '';
    await seat.holds('configmaps/applied-k', { 'metadata.labels.row': 'kustomized' });
    await seat.holds(`configmaps/${generated}`, { data: { x: 'y' } });
    await seat.ok('delete -k applied-k');
    await seat.absent('configmaps/applied-k');
  },
});

const pruning = rowsOf('apply', {
  '--prune -l: of the default kinds': async (seat) => {
    const labels = { row: 'prune' };
    const more = configMap('pruned-other', {}, { labels: { row: 'other' } });
    const { metadata, ...rest } = service('pruned');
    const withLabels = { ...rest, metadata: { ...(metadata as Thing), labels } };
    await seat.ok(
      'apply -f -',
      input(configMap('pruned', {}, { labels }), configMap('pruned-not', {}, { labels }), withLabels, more),
    );
    // Not made by apply: pruning leaves it alone.
    await seat.create(configMap('pruned-never', {}, { labels }));
    const stdout = await seat.ok('apply --prune -l row=prune -f -', input(configMap('pruned-not', {}, { labels })));
    assert.deepEqual(stdout.split('\n').sort(), [
      'configmap/pruned pruned',
      'configmap/pruned-not unchanged',
      'service/pruned pruned',
    ]);
    assert.deepEqual(await seat.names('configmaps', 'row in (prune,other)'), [
      'pruned-never',
      'pruned-not',
      'pruned-other',
    ]);
    await seat.absent('services/pruned');
  },
  '--prune --prune-allowlist: of those kinds only': async (seat) => {
    const labels = { row: 'allowlist' };
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'allowed', labels } };
    await seat.ok(
      'apply -f -',
      input(configMap('allowed', {}, { labels }), configMap('listed', {}, { labels }), secret),
    );
    const stdout = await seat.ok(
      'apply --prune -l row=allowlist --prune-allowlist=core/v1/ConfigMap -f -',
      input(configMap('listed', {}, { labels })),
    );
    assert.match(stdout, /^configmap\/allowed pruned$/m);
    await seat.absent('configmaps/allowed');
    await seat.holds('secrets/allowed', { 'metadata.labels': labels });
  },
  '--prune --applyset': async (seat) => {
    const env = { KUBECTL_APPLYSET: 'true' };
    const apply = `apply --prune --applyset=configmap/applyset -n ${seat.namespace} -f -`;
    await seat.ok(apply, { env, ...input(configMap('member-a'), configMap('member-b')) });
    const parent = await seat.object('configmaps/applyset');
    const id = fieldOf(parent, 'metadata.labels[applyset.kubernetes.io/id]');
    assert.match(String(id), /^applyset-.+-v1$/);
    await seat.holds('configmaps/member-a', { 'metadata.labels[applyset.kubernetes.io/part-of]': id });
    await seat.says(apply, /^configmap\/member-a pruned$/m, { env, ...input(configMap('member-b')) });
    await seat.absent('configmaps/member-a');
    await seat.holds('configmaps/applyset', {
      'metadata.annotations[applyset.kubernetes.io/contains-group-kinds]': 'ConfigMap',
    });
  },
});

const serverSide = rowsOf('apply --server-side', {
  'creates, changes, and takes away what it owned': async (seat) => {
    const apply = 'apply --server-side -f -';
    await seat.says(apply, 'configmap/served serverside-applied', input(configMap('served', { a: '1', b: '2' })));
    const object = await seat.holds('configmaps/served', { [lastApplied]: undefined });
    assert.deepEqual(managersOf(object), ['kubectl Apply']);
    await seat.says(apply, 'configmap/served serverside-applied', input(configMap('served', { a: 'one' })));
    await seat.holds('configmaps/served', { data: { a: 'one' } });
    const [managed] = fieldOf(await seat.object('configmaps/served'), 'metadata.managedFields') as Managed[];
    assert.deepEqual(managed?.fieldsV1, { 'f:data': { 'f:a': {} } });
  },
  'conflicts with another manager, --force-conflicts takes over': async (seat) => {
    await seat.ok('apply --server-side --field-manager=first -f -', input(configMap('disputed', { a: '1', b: '1' })));
    const second = 'apply --server-side --field-manager=second';
    await seat.refuses(
      `${second} -f -`,
      /Apply failed with 1 conflict: conflict with "first": \.data\.a[\s\S]*--force-conflicts/,
      input(configMap('disputed', { a: '2' })),
    );
    await seat.holds('configmaps/disputed', { data: { a: '1', b: '1' } });
    await seat.ok(`${second} --force-conflicts -f -`, input(configMap('disputed', { a: '2' })));
    const object = await seat.holds('configmaps/disputed', { data: { a: '2', b: '1' } });
    const managed = fieldOf(object, 'metadata.managedFields') as Managed[];
    const owned = managed.map(({ manager, fieldsV1 }) => [manager, fieldsV1]);
    assert.deepEqual(Object.fromEntries(owned), {
      first: { 'f:data': { 'f:b': {} } },
      second: { 'f:data': { 'f:a': {} } },
    });
    // The same value is no conflict: both own it.
    await seat.ok('apply --server-side --field-manager=first -f -', input(configMap('disputed', { a: '2', b: '1' })));
  },
  'conflicts with kubectl edit, label and scale': async (seat) => {
    await seat.ok('apply --server-side -f -', input(configMap('touched', { a: '1' }, { labels: { tide: 'low' } })));
    await seat.ok('label configmap touched tide=high --overwrite');
    await seat.refuses(
      'apply --server-side -f -',
      /conflict with "kubectl-label".*: \.metadata\.labels\.tide/,
      input(configMap('touched', { a: '1' }, { labels: { tide: 'low' } })),
    );
  },
  'merges lists by their keys': async (seat) => {
    const port = (name: string, number: number): Thing => ({ name, port: number, protocol: 'TCP' });
    const apply = (manager: string, ...ports: Thing[]): Promise<string> =>
      seat.ok(
        `apply --server-side --field-manager=${manager} -f -`,
        input(service('keyed', { selector: undefined, ports })),
      );
    await apply('first', port('one', 1), port('two', 2));
    await apply('second', port('three', 3));
    await apply('first', port('two', 2));
    const { spec } = await seat.object('services/keyed');
    const ports = (spec as { ports: { name: string; port: number }[] }).ports;
    assert.deepEqual(ports.map(({ name, port: number }) => `${name}=${number}`).sort(), ['three=3', 'two=2']);
  },
  'after client-side apply owns its fields': async (seat) => {
    await seat.ok('apply -f -', input(configMap('moved', { a: '1', b: '2' })));
    await seat.ok('apply --server-side -f -', input(configMap('moved', { a: 'one' })));
    const object = await seat.holds('configmaps/moved', { data: { a: 'one' } });
    assert.deepEqual(managersOf(object).sort(), ['kubectl Apply', 'kubectl-last-applied Apply']);
  },
  '--dry-run=server, --subresource=status': async (seat) => {
    await seat.says(
      'apply --server-side --dry-run=server -f -',
      'configmap/served-dry serverside-applied (server dry run)',
      input(configMap('served-dry')),
    );
    await seat.absent('configmaps/served-dry');
    await seat.create(service('served-status', { type: 'LoadBalancer' }));
    const status = { loadBalancer: { ingress: [{ ip: '192.0.2.3' }] } };
    const manifest = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'served-status' }, status };
    await seat.ok('apply --server-side --subresource=status -f -', input(manifest));
    const object = await seat.holds('services/served-status', { 'status.loadBalancer.ingress[0].ip': '192.0.2.3' });
    const managed = fieldOf(object, 'metadata.managedFields') as Managed[];
    assert.ok(managed.some(({ manager, subresource }) => manager === 'kubectl' && subresource === 'status'));
    await seat.drop('services/served-status');
  },
});

const saved = [
  ...rowsOf('apply edit-last-applied', {
    'changes the annotation only': async (seat) => {
      await seat.ok('apply -f -', input(configMap('last-edited', { a: '1' })));
      const editor = await seat.kube.file('last-editor', `#!/bin/sh\nsed -i 's/a: "1"/a: "9"/' "$1"\n`, 0o755);
      await seat.says('apply edit-last-applied configmap/last-edited', 'configmap/last-edited edited', {
        env: { KUBE_EDITOR: editor },
      });
      const object = await seat.holds('configmaps/last-edited', { data: { a: '1' } });
      assert.deepEqual((JSON.parse(String(fieldOf(object, lastApplied))) as Thing).data, { a: '9' });
    },
  }),
  ...rowsOf('apply set-last-applied', {
    'needs the annotation, or --create-annotation': async (seat) => {
      await seat.create(configMap('last-set', { a: '1' }));
      const set = 'apply set-last-applied -f -';
      await seat.refuses(set, /no last-applied-configuration annotation found/, input(configMap('last-set')));
      await seat.says(
        `${set} --create-annotation`,
        'configmap/last-set configured',
        input(configMap('last-set', { a: '7' })),
      );
      const object = await seat.holds('configmaps/last-set', { data: { a: '1' } });
      assert.deepEqual((JSON.parse(String(fieldOf(object, lastApplied))) as Thing).data, { a: '7' });
    },
  }),
  ...rowsOf('apply view-last-applied', {
    'as YAML and JSON, by name and file': async (seat) => {
      await seat.ok('apply -f -', input(configMap('last-viewed', { a: '1' })));
      await seat.says(
        'apply view-last-applied configmap last-viewed',
        /^apiVersion: v1\ndata:\n {2}a: "1"\nkind: ConfigMap\n/,
      );
      const text = await seat.ok('apply view-last-applied -f - -o json', input(configMap('last-viewed')));
      assert.deepEqual((JSON.parse(text) as Thing).data, { a: '1' });
    },
  }),
];

export const applyRows: readonly Row[] = [...clientSide, ...pruning, ...serverSide, ...saved];
