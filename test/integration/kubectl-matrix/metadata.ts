// Rows of annotate, label and patch.
import assert from 'node:assert/strict';
import { type Row, rowsOf } from './row.ts';
import type { Seat } from './seat.ts';
import { configMap, input, service, workload } from './things.ts';

/** The flag of a namespace with the Secrets `a` and `b` only, for what is done to all of them. */
async function emptySpace(seat: Seat, name: string): Promise<string> {
  const namespace = seat.global(name);
  await seat.ok(`create namespace ${namespace}`);
  for (const secret of ['a', 'b']) await seat.ok(`create secret generic ${secret} -n ${namespace}`);
  return `-n ${namespace}`;
}

const annotate = rowsOf('annotate', {
  'adds, refuses to change, --overwrite, removes': async (seat) => {
    await seat.create(configMap('annotated'));
    await seat.says('annotate configmap annotated depth=9 example.com/kind=rock', 'configmap/annotated annotated');
    await seat.refuses('annotate configmap annotated depth=8', /--overwrite is false.*'?depth'? already has a value/);
    await seat.says('annotate configmap annotated depth=8 example.com/kind- --overwrite', /annotated$/);
    await seat.holds('configmaps/annotated', { 'metadata.annotations': { depth: '8' } });
    await seat.says('annotate configmap annotated --list', 'depth=8');
  },
  '--selector, --field-selector, --all': async (seat) => {
    await seat.create(
      configMap('annotated-a', {}, { labels: { row: 'annotate' } }),
      configMap('annotated-b', {}, { labels: { row: 'annotate' } }),
      configMap('annotated-c'),
    );
    await seat.ok('annotate configmaps -l row=annotate tide=low');
    await seat.ok('annotate configmaps --field-selector metadata.name=annotated-c tide=high');
    await seat.holds('configmaps/annotated-a', { 'metadata.annotations.tide': 'low' });
    await seat.holds('configmaps/annotated-b', { 'metadata.annotations.tide': 'low' });
    await seat.holds('configmaps/annotated-c', { 'metadata.annotations.tide': 'high' });
    const all = await emptySpace(seat, 'annotated');
    await seat.ok(`annotate secrets --all wave=yes ${all}`);
    await seat.says(`get secrets ${all} -o jsonpath={.items[*].metadata.annotations.wave}`, 'yes yes');
    await seat.says('annotate configmaps -l row=annotate --list', /ConfigMap\.\/annotated-b:\n +tide=low$/);
  },
  '--resource-version, --dry-run, -f': async (seat) => {
    await seat.create(configMap('annotated-once'));
    await seat.refuses('annotate configmap annotated-once a=b --resource-version=1', /the object has been modified/);
    await seat.says('annotate configmap annotated-once a=b --dry-run=server', /annotated \(server dry run\)$/);
    await seat.says('annotate configmap annotated-once a=b --dry-run=client', /annotated \(dry run\)$/);
    await seat.holds('configmaps/annotated-once', { 'metadata.annotations': undefined });
    await seat.says('annotate -f - a=b', 'configmap/annotated-once annotated', input(configMap('annotated-once')));
    await seat.holds('configmaps/annotated-once', { 'metadata.annotations': { a: 'b' } });
  },
});

const label = rowsOf('label', {
  'adds, refuses to change, --overwrite, removes': async (seat) => {
    await seat.create(configMap('labelled'));
    await seat.says('label configmap labelled depth=9 kind=rock', 'configmap/labelled labeled');
    await seat.refuses(
      'label configmap labelled depth=8',
      /'depth' already has a value \(9\), and --overwrite is false/,
    );
    await seat.says('label configmap labelled depth=8 --overwrite', 'configmap/labelled labeled');
    await seat.says('label configmap labelled depth=8', 'configmap/labelled not labeled');
    await seat.says('label configmap labelled kind-', 'configmap/labelled unlabeled');
    await seat.holds('configmaps/labelled', { 'metadata.labels': { depth: '8' } });
    await seat.says('label configmap labelled --list', 'depth=8');
    await seat.refuses('label configmap labelled depth=-1- --overwrite', /invalid label value|a valid label must/);
  },
  '--selector, --all': async (seat) => {
    await seat.create(
      configMap('labelled-a', {}, { labels: { row: 'label' } }),
      configMap('labelled-b', {}, { labels: { row: 'label', tide: 'high' } }),
    );
    await seat.ok('label configmaps -l row=label,tide!=high tide=low');
    assert.deepEqual(await seat.names('configmaps', 'tide=low'), ['labelled-a']);
    const all = await emptySpace(seat, 'labelled');
    await seat.ok(`label secrets --all wave=yes ${all}`);
    await seat.says(`get secrets ${all} -l wave=yes -o name`, 'secret/a\nsecret/b');
  },
  '--resource-version, --dry-run, -f': async (seat) => {
    await seat.create(configMap('labelled-once'));
    await seat.refuses('label configmap labelled-once a=b --resource-version=1', /the object has been modified/);
    await seat.says('label configmap labelled-once a=b --dry-run=server', /labeled \(server dry run\)$/);
    await seat.holds('configmaps/labelled-once', { 'metadata.labels': undefined });
    await seat.ok('label -f - a=b', input(configMap('labelled-once')));
    await seat.holds('configmaps/labelled-once', { 'metadata.labels': { a: 'b' } });
  },
});

const patch = rowsOf('patch', {
  'strategic: merges containers by name, $patch deletes': async (seat) => {
    await seat.create(workload('Deployment', 'patched', { replicas: 0 }));
    const add = { spec: { template: { spec: { containers: [{ name: 'more', image: 'demo:1' }] } } } };
    await seat.says(`patch deployment patched -p '${JSON.stringify(add)}'`, 'deployment.apps/patched patched');
    const { spec } = await seat.object('deployments/patched');
    const { containers } = (spec as { template: { spec: { containers: { name: string }[] } } }).template.spec;
    assert.deepEqual(containers.map(({ name }) => name).sort(), ['main', 'more']);
    const remove = { spec: { template: { spec: { containers: [{ name: 'more', $patch: 'delete' }] } } } };
    await seat.ok(`patch deployment patched --type=strategic -p '${JSON.stringify(remove)}'`);
    await seat.holds('deployments/patched', {
      'spec.template.spec.containers[0].name': 'main',
      'spec.template.spec.containers[1]': undefined,
    });
    await seat.says(
      `patch deployment patched -p '{"spec":{"replicas":0}}'`,
      'deployment.apps/patched patched (no change)',
    );
    await seat.drop('deployments/patched');
  },
  'merge: replaces lists, null removes': async (seat) => {
    await seat.create(configMap('patched-merge', { a: '1', b: '2' }, { finalizers: ['example.com/a'] }));
    const change = { data: { a: null, c: '3' }, metadata: { finalizers: ['example.com/b'] } };
    await seat.says(`patch cm patched-merge --type=merge -p '${JSON.stringify(change)}'`, /patched$/);
    await seat.holds('configmaps/patched-merge', {
      data: { b: '2', c: '3' },
      'metadata.finalizers': ['example.com/b'],
    });
    await seat.ok(`patch cm patched-merge --type=merge -p '{"metadata":{"finalizers":null}}'`);
    await seat.holds('configmaps/patched-merge', { 'metadata.finalizers': undefined });
  },
  'json: add, replace, remove, copy, move; a test that fails changes nothing': async (seat) => {
    await seat.create(configMap('patched-json', { a: '1', b: '2', m: '4' }));
    const operations = [
      { op: 'test', path: '/data/a', value: '1' },
      { op: 'add', path: '/data/c', value: '3' },
      { op: 'replace', path: '/data/a', value: 'one' },
      { op: 'copy', from: '/data/b', path: '/data/d' },
      { op: 'move', from: '/data/m', path: '/data/n' },
      { op: 'remove', path: '/data/b' },
    ];
    await seat.says(`patch configmap/patched-json --type=json -p '${JSON.stringify(operations)}'`, /patched$/);
    const data = { a: 'one', c: '3', d: '2', n: '4' };
    await seat.holds('configmaps/patched-json', { data });
    const refused = [
      { op: 'remove', path: '/data/c' },
      { op: 'test', path: '/data/a', value: '1' },
    ];
    await seat.refuses(`patch cm patched-json --type=json -p '${JSON.stringify(refused)}'`, /test failed/i);
    await seat.refuses(
      `patch cm patched-json --type=json -p '[{"op":"remove","path":"/data/zz"}]'`,
      /the request is invalid|unable to remove nonexistent key/i,
    );
    await seat.holds('configmaps/patched-json', { data });
  },
  '--subresource=status and scale': async (seat) => {
    await seat.create(
      service('patched', { type: 'LoadBalancer' }),
      workload('Deployment', 'patched-sub', { replicas: 0 }),
    );
    const status = { status: { loadBalancer: { ingress: [{ ip: '192.0.2.7' }] } }, spec: { externalName: 'no.where' } };
    await seat.says(
      `patch service patched --subresource=status --type=merge -p '${JSON.stringify(status)}'`,
      'service/patched patched',
    );
    const ingress = 'status.loadBalancer.ingress[0].ip';
    await seat.holds('services/patched', { [ingress]: '192.0.2.7', 'spec.externalName': undefined });
    // Without the subresource the status stays as it is.
    await seat.ok(`patch service patched -p '{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.8"}]}}}'`);
    await seat.holds('services/patched', { [ingress]: '192.0.2.7' });
    await seat.ok(`patch deploy patched-sub --subresource=scale --type=merge -p '{"spec":{"replicas":1}}'`);
    await seat.holds('deployments/patched-sub', { 'spec.replicas': 1 });
    await seat.drop('services/patched', 'deployments/patched-sub');
  },
  '--patch-file, --dry-run, --local, -o': async (seat) => {
    await seat.create(configMap('patched-file', { a: '1' }));
    const file = await seat.kube.file('patch.yaml', 'data:\n  b: "2"\n');
    await seat.says(`patch cm patched-file --patch-file ${file} --dry-run=server`, /patched$|server dry run/);
    await seat.holds('configmaps/patched-file', { data: { a: '1' } });
    await seat.says(`patch cm patched-file --patch-file ${file} -o jsonpath={.data}`, '{"a":"1","b":"2"}');
    const local = await seat.ok(
      `patch --local -f - --type=merge -p '{"data":{"z":"9"}}' -o jsonpath={.data.z}`,
      input(configMap('patched-file')),
    );
    assert.equal(local, '9');
    await seat.holds('configmaps/patched-file', { data: { a: '1', b: '2' } });
    await seat.refuses('patch cm patched-none -p {}', /NotFound.*configmaps "patched-none" not found/);
  },
});

export const metadataRows: readonly Row[] = [...annotate, ...label, ...patch];
