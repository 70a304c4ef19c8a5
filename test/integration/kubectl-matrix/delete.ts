// Rows of delete and wait.
import assert from 'node:assert/strict';
import { fieldOf, type Thing } from '../../support/things.ts';
import { type Row, rowsOf } from './row.ts';
import type { Seat } from './seat.ts';
import { configMap, input, patient, pod, workload } from './things.ts';

const held = (name: string): Thing => configMap(name, {}, { finalizers: ['example.com/hold'] });

/** Takes the finalizer away that holds an object. */
const release = (seat: Seat, name: string): Promise<string> =>
  seat.ok(`patch configmap ${name} --type=merge -p '{"metadata":{"finalizers":null}}'`);

/** A Deployment with its ReplicaSet; resolves with the name of that. */
async function deployment(seat: Seat, name: string): Promise<string> {
  await seat.create(workload('Deployment', name, { replicas: 0 }));
  return seat.cluster.until('there is a ReplicaSet', async () => (await seat.names('replicasets', `app=${name}`))[0]);
}

const ways = rowsOf('delete', {
  'by name, several, of several kinds, -o name': async (seat) => {
    for (const name of ['gone-a', 'gone-b', 'gone-c', 'gone-d']) await seat.create(configMap(name));
    const from = seat.since('1.35') ? ` from ${seat.namespace} namespace` : '';
    await seat.says('delete configmap gone-a', `configmap "gone-a" deleted${from}`);
    await seat.ok('delete cm gone-b gone-c');
    await seat.says('delete configmap/gone-d -o name', 'configmap/gone-d');
    assert.deepEqual(
      (await seat.names('configmaps')).filter((name) => name.startsWith('gone-')),
      [],
    );
    await seat.refuses('delete cm gone-a', /^Error from server \(NotFound\): configmaps "gone-a" not found$/);
    await seat.says('delete cm gone-a --ignore-not-found', '');
  },
  '-f, -k, standard input': async (seat) => {
    await seat.create(configMap('gone-file'), configMap('gone-k'), configMap('gone-stdin'));
    const file = await seat.kube.file('gone/map.json', JSON.stringify(configMap('gone-file')));
    await seat.ok(`delete -f ${file}`);
    await seat.kube.file('gone-k/kustomization.yaml', 'resources: [map.json]\n');
    await seat.kube.file('gone-k/map.json', JSON.stringify(configMap('gone-k')));
    await seat.ok('delete -k gone-k');
    await seat.ok('delete -f -', input(configMap('gone-stdin')));
    for (const name of ['gone-file', 'gone-k', 'gone-stdin']) await seat.absent(`configmaps/${name}`);
  },
  '-l, --field-selector, --all, -A': async (seat) => {
    const labels = { labels: { row: 'gone' } };
    for (const name of ['picked-a', 'picked-b', 'picked-c']) await seat.create(configMap(name, {}, labels));
    await seat.create(configMap('picked-not'));
    await seat.ok('delete cm -l row=gone --field-selector metadata.name=picked-a');
    assert.deepEqual(await seat.names('configmaps', 'row=gone'), ['picked-b', 'picked-c']);
    await seat.ok('delete cm -l row=gone');
    assert.deepEqual(await seat.names('configmaps', 'row=gone'), []);
    await seat.object('configmaps/picked-not');
    for (const name of ['all-a', 'all-b'])
      await seat.create({
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name, labels: { seat: seat.namespace } },
      });
    await seat.ok(`delete leases -A -l seat=${seat.namespace}`);
    assert.deepEqual(await seat.names('leases'), []);
    for (const name of ['all-a', 'all-b'])
      await seat.create({
        apiVersion: 'v1',
        kind: 'PodTemplate',
        metadata: { name },
        template: { spec: { containers: [{ name: 'c', image: 'i' }] } },
      });
    await seat.ok('delete podtemplates --all');
    assert.deepEqual(await seat.names('podtemplates'), []);
  },
  '--wait, --timeout, --wait=false': async (seat) => {
    await seat.create(held('held'));
    await seat.refuses('delete cm held --timeout=1s', /timed out waiting for the condition/);
    const object = await seat.object('configmaps/held');
    assert.ok(fieldOf(object, 'metadata.deletionTimestamp'));
    const waiting = await seat.stream('delete cm held');
    await waiting.line(/^configmap "held" deleted/);
    await release(seat, 'held');
    assert.equal((await waiting.ended).code, 0);
    await seat.absent('configmaps/held');
    await seat.create(held('held-on'));
    await seat.ok('delete cm held-on --wait=false');
    await seat.object('configmaps/held-on');
    await release(seat, 'held-on');
    await seat.gone('configmaps/held-on');
  },
  '--force --grace-period=0, --now, --grace-period': async (seat) => {
    const stubborn = 'trap "" TERM; while :; do sleep 1; done';
    const spec = { terminationGracePeriodSeconds: 600 };
    for (const name of ['forced', 'hurried', 'short']) await seat.create(pod(name, stubborn, spec));
    for (const name of ['forced', 'hurried', 'short']) await seat.ready(name);
    const forced = await seat.run('delete pod forced --force --grace-period=0');
    assert.equal(forced.code, 0);
    assert.match(forced.stderr, /^Warning: Immediate deletion does not wait for confirmation/);
    assert.match(forced.stdout, /^pod "forced" force deleted/);
    await seat.absent('pods/forced');
    await seat.ok('delete pod hurried --now');
    await seat.absent('pods/hurried');
    await seat.ok('delete pod short --grace-period=2');
    await seat.absent('pods/short');
  },
  '--dry-run, --raw, --interactive': async (seat) => {
    await seat.create(configMap('spared'));
    await seat.says('delete cm spared --dry-run=server', /deleted.* \(server dry run\)$/);
    await seat.says('delete cm spared --dry-run=client', /deleted.* \(dry run\)$/);
    await seat.says('delete cm spared -i', /do you want to continue\? \(y\/N\): deletion is cancelled$/is, {
      stdin: 'n\n',
    });
    await seat.object('configmaps/spared');
    await seat.ok('delete cm spared -i', { stdin: 'y\n' });
    await seat.absent('configmaps/spared');
    await seat.create(configMap('spared-raw'));
    const path = `/api/v1/namespaces/${seat.namespace}/configmaps/spared-raw`;
    assert.equal((JSON.parse(await seat.ok(`delete --raw ${path}`)) as Thing).status, 'Success');
    await seat.absent('configmaps/spared-raw');
  },
  'a namespace with all that is in it': async (seat) => {
    const name = seat.global('emptied');
    await seat.ok(`create namespace ${name}`);
    await seat.ok(`create configmap inside -n ${name}`);
    await seat.ok(`create deployment inside --image=demo:1 --replicas=0 -n ${name}`);
    await seat.says(`delete namespace ${name}`, `namespace "${name}" deleted`);
    await seat.absent(`namespaces/${name}`);
    await seat.says(`get cm,deployments,replicasets -n ${name} -o name`, '');
  },
});

const cascades = rowsOf('delete', {
  '--cascade=background (and as always): dependents follow': async (seat) => {
    const set = await deployment(seat, 'cascade');
    await seat.ok('delete deployment cascade');
    await seat.gone(`replicasets/${set}`);
  },
  '--cascade=foreground: dependents go first': async (seat) => {
    const set = await deployment(seat, 'cascade-first');
    await seat.ok(`patch rs ${set} --type=merge -p '{"metadata":{"finalizers":["example.com/hold"]}}'`);
    const stream = await seat.stream('delete deployment cascade-first --cascade=foreground');
    await seat.seen(
      `replicasets/${set}`,
      'a deletion',
      (object) => fieldOf(object, 'metadata.deletionTimestamp') !== undefined,
    );
    const owner = await seat.object('deployments/cascade-first');
    assert.ok((fieldOf(owner, 'metadata.finalizers') as string[]).includes('foregroundDeletion'));
    await seat.ok(`patch rs ${set} --type=merge -p '{"metadata":{"finalizers":null}}'`);
    assert.equal((await stream.ended).code, 0);
    await seat.absent('deployments/cascade-first');
    await seat.absent(`replicasets/${set}`);
  },
  '--cascade=orphan: dependents stay, without owner': async (seat) => {
    const set = await deployment(seat, 'cascade-none');
    await seat.ok('delete deployment cascade-none --cascade=orphan');
    await seat.absent('deployments/cascade-none');
    await seat.holds(`replicasets/${set}`, { 'metadata.ownerReferences': undefined });
    await seat.drop(`replicasets/${set}`);
  },
});

const wait = rowsOf('wait', {
  '--for=condition, true and false, --timeout': async (seat) => {
    const name = await seat.target();
    await seat.says(`wait pod/${name} --for=condition=Ready`, `pod/${name} condition met`);
    await seat.says(`wait pod -l app=target --for=condition=ready=true --timeout=30s`, `pod/${name} condition met`);
    await seat.create(pod('waited', patient, { nodeSelector: { no: 'where' } }));
    await seat.says('wait pod/waited --for=condition=PodScheduled=false --timeout=30s', 'pod/waited condition met');
    await seat.refuses(
      'wait pod/waited --for=condition=Ready --timeout=1s',
      /^error: timed out waiting for the condition on pods\/waited$/,
    );
    await seat.refuses('wait pod/waited-not --for=condition=Ready', /pods "waited-not" not found/);
    await seat.drop('pods/waited');
  },
  '--for=jsonpath': async (seat) => {
    await seat.create(configMap('waited', { a: '1' }));
    await seat.says(`wait cm/waited --for=jsonpath='{.data.a}'=1`, 'configmap/waited condition met');
    const waiting = await seat.stream(`wait cm/waited --for=jsonpath='{.data.b}' --timeout=45s`);
    await seat.ok(`patch cm waited --type=merge -p '{"data":{"b":"2"}}'`);
    assert.deepEqual(await waiting.ended, { code: 0, stdout: 'configmap/waited condition met\n', stderr: '' });
    await seat.refuses(
      `wait cm/waited --for=jsonpath='{.data.a}'=9 --timeout=1s`,
      /timed out waiting for the condition on configmaps\/waited/,
    );
  },
  '--for=delete': async (seat) => {
    await seat.create(held('waited-gone'));
    await seat.ok('delete cm waited-gone --wait=false');
    const waiting = await seat.stream('wait cm/waited-gone --for=delete --timeout=45s');
    await release(seat, 'waited-gone');
    const { code, stderr } = await waiting.ended;
    assert.equal(code, 0, stderr);
    await seat.absent('configmaps/waited-gone');
    await seat.ok('wait cm/waited-gone --for=delete --timeout=5s');
    await seat.create(configMap('waited-stays'));
    await seat.refuses(
      'wait cm/waited-stays --for=delete --timeout=1s',
      /timed out waiting for the condition on configmaps\/waited-stays/,
    );
  },
  '--for=create': async (seat) => {
    const waiting = await seat.stream('wait cm/waited-new --for=create --timeout=45s');
    await seat.create(configMap('waited-new'));
    const { code, stdout, stderr } = await waiting.ended;
    assert.deepEqual([code, stdout], [0, 'configmap/waited-new condition met\n'], stderr);
    await seat.refuses('wait cm/waited-never --for=create --timeout=1s', /timed out waiting for the condition/);
  },
  '--all, -f': async (seat) => {
    const lease = (name: string): Thing => ({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, labels: { row: 'wait' } },
      spec: { holderIdentity: 'me' },
    });
    await seat.create(lease('waited-a'), lease('waited-b'));
    const found = `wait lease -l row=wait --for=jsonpath='{.spec.holderIdentity}'=me --timeout=30s`;
    const lines = (await seat.ok(found)).split('\n').sort();
    assert.deepEqual(lines, [
      'lease.coordination.k8s.io/waited-a condition met',
      'lease.coordination.k8s.io/waited-b condition met',
    ]);
    await seat.ok(`wait -f - --for=jsonpath='{.spec.holderIdentity}'=me`, input(lease('waited-a')));
    await seat.ok(`wait nodes --all --for=condition=Ready --timeout=30s`);
    await seat.drop('leases/waited-a', 'leases/waited-b');
  },
});

export const deleteRows: readonly Row[] = [...ways, ...cascades, ...wait];
