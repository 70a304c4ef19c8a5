// Rows of rollout and scale.
import assert from 'node:assert/strict';
import { images } from '../../support/engine.ts';
import { fieldOf, type Thing } from '../../support/things.ts';
import { type Row, rowsOf } from './row.ts';
import type { Seat } from './seat.ts';
import { input, workload } from './things.ts';

const image = 'spec.template.spec.containers[0].image';
/** Plural and short name of the kinds that are rolled out. */
const kinds = { Deployment: 'deployments', DaemonSet: 'daemonsets', StatefulSet: 'statefulsets' } as const;
type Kind = keyof typeof kinds;

/** Makes an object of the kind with at most one pod, and waits until that is there. */
async function rolledOut(seat: Seat, kind: Kind, name: string): Promise<string> {
  const spec =
    kind === 'DaemonSet' ? {} : kind === 'Deployment' ? { replicas: 1 } : { replicas: 1, serviceName: 'none' };
  await seat.create(workload(kind, name, spec));
  const target = `${kind.toLowerCase()}/${name}`;
  await seat.says(`rollout status ${target} --timeout=45s`, doneOf(kind, name));
  return target;
}

function doneOf(kind: Kind, name: string): RegExp {
  if (kind === 'Deployment') return new RegExp(`deployment "${name}" successfully rolled out$`);
  if (kind === 'DaemonSet') return new RegExp(`daemon set "${name}" successfully rolled out$`);
  return new RegExp(
    `(statefulset rolling update complete 1 pods at revision ${name}-|partitioned roll out complete: 1 new pods)`,
  );
}

/** Numbers of the revisions that history shows. */
async function revisions(seat: Seat, target: string): Promise<number[]> {
  const lines = (await seat.ok(`rollout history ${target}`)).trimEnd().split('\n');
  assert.equal(lines[1], 'REVISION  CHANGE-CAUSE');
  return lines.slice(2).map((line) => Number.parseInt(line, 10));
}

/** The pods of an object that are not on their way out. */
async function podsOf(seat: Seat, name: string): Promise<Thing[]> {
  const { items } = await seat.object(`pods?labelSelector=app%3D${name}`);
  return (items as Thing[]).filter((item) => fieldOf(item, 'metadata.deletionTimestamp') === undefined);
}

const podImages = async (seat: Seat, name: string): Promise<unknown[]> =>
  (await podsOf(seat, name)).map((item) => fieldOf(item, 'spec.containers[0].image'));

const perKind = (Object.keys(kinds) as Kind[]).flatMap((kind) => {
  const short = kind.toLowerCase();
  return [
    ...rowsOf('rollout status', {
      [`of a ${kind}: waits, --watch=false, --timeout`]: async (seat) => {
        const name = `status-${short}`;
        const target = await rolledOut(seat, kind, name);
        await seat.ok(`set image ${target} main=skerry-test/none:1`);
        const waiting = await seat.run(`rollout status ${target} --watch=false`);
        assert.equal(waiting.code, 0, waiting.stderr);
        assert.match(waiting.stdout, /^Waiting for/i);
        await seat.refuses(`rollout status ${target} --timeout=1s`, /timed out waiting for the condition|exceeded/);
        await seat.drop(`${kinds[kind]}/${name}`);
      },
    }),
    ...rowsOf('rollout history', {
      [`of a ${kind}, --revision, change cause`]: async (seat) => {
        const name = `history-${short}`;
        const target = await rolledOut(seat, kind, name);
        await seat.ok(`annotate ${target} kubernetes.io/change-cause=second`);
        await seat.ok(`set image ${target} main=${images.two}`);
        await seat.prints(`rollout history ${target}`, /^1 +\S+\n2 +second$/m);
        await seat.says(`rollout history ${target} --revision=2`, new RegExp(`Image:\\s+${images.two}`));
        await seat.says(`rollout history ${target} --revision=1`, new RegExp(`Image:\\s+${images.one}`));
        await seat.drop(`${kinds[kind]}/${name}`);
      },
    }),
    ...rowsOf('rollout undo', {
      [`of a ${kind}: one back, --to-revision, --dry-run`]: async (seat) => {
        const name = `undo-${short}`;
        const target = await rolledOut(seat, kind, name);
        await seat.ok(`set image ${target} main=${images.two}`);
        await seat.says(`rollout status ${target} --timeout=45s`, doneOf(kind, name));
        assert.deepEqual(await podImages(seat, name), [images.two]);
        await seat.says(`rollout undo ${target} --dry-run=server`, /server dry run|Pod Template/);
        await seat.holds(`${kinds[kind]}/${name}`, { [image]: images.two });
        await seat.says(`rollout undo ${target}`, `${short}.apps/${name} rolled back`);
        await seat.says(`rollout status ${target} --timeout=45s`, doneOf(kind, name));
        await seat.holds(`${kinds[kind]}/${name}`, { [image]: images.one });
        assert.deepEqual(await podImages(seat, name), [images.one]);
        assert.deepEqual(await revisions(seat, target), [2, 3]);
        await seat.ok(`rollout undo ${target} --to-revision=2`);
        await seat.holds(`${kinds[kind]}/${name}`, { [image]: images.two });
        await seat.refuses(
          `rollout undo ${target} --to-revision=99`,
          /unable to find specified revision 99 in history/,
        );
        await seat.drop(`${kinds[kind]}/${name}`);
      },
    }),
    ...rowsOf('rollout restart', {
      [`of a ${kind}: new pods of the same image`]: async (seat) => {
        const name = `restart-${short}`;
        const target = await rolledOut(seat, kind, name);
        const [before] = await podsOf(seat, name);
        await seat.says(`rollout restart ${target}`, `${short}.apps/${name} restarted`);
        await seat.says(`rollout status ${target} --timeout=45s`, doneOf(kind, name));
        const object = await seat.holds(`${kinds[kind]}/${name}`, { [image]: images.one });
        assert.ok(fieldOf(object, 'spec.template.metadata.annotations[kubectl.kubernetes.io/restartedAt]'));
        const [after] = await podsOf(seat, name);
        assert.notEqual(fieldOf(after, 'metadata.uid'), fieldOf(before, 'metadata.uid'));
        // The pods of a StatefulSet keep their names.
        if (kind !== 'StatefulSet') await seat.gone(`pods/${fieldOf(before, 'metadata.name')}`);
        await seat.drop(`${kinds[kind]}/${name}`);
      },
    }),
  ];
});

const pausing = [
  ...rowsOf('rollout pause', {
    'a Deployment does not follow its template': async (seat) => {
      await seat.create(workload('Deployment', 'paused', { replicas: 0 }));
      await seat.becomes('deployments/paused', { 'status.observedGeneration': 1 });
      await seat.ok('set image deployment/paused main=demo:1');
      await seat.becomes('deployments/paused', { 'status.observedGeneration': 2 });
      await seat.says('rollout pause deployment/paused', 'deployment.apps/paused paused');
      await seat.refuses('rollout pause deployment/paused', /is already paused/);
      await seat.ok('set image deployment/paused main=demo:2');
      await seat.becomes('deployments/paused', { 'spec.paused': true, 'status.observedGeneration': 4 });
      assert.equal((await seat.names('replicasets', 'app=paused')).length, 2);
      await seat.refuses('rollout undo deployment/paused', /cannot rollback a paused deployment/);
      await seat.drop('deployments/paused');
    },
    'other kinds can not': async (seat) => {
      await seat.create(workload('StatefulSet', 'unpausable', { replicas: 0, serviceName: 'none' }));
      await seat.refuses('rollout pause sts/unpausable', /pausing is not supported/);
      await seat.drop('statefulsets/unpausable');
    },
  }),
  ...rowsOf('rollout resume', {
    'the Deployment catches up': async (seat) => {
      await seat.create(workload('Deployment', 'resumed', { replicas: 0, paused: true }));
      await seat.ok('set image deployment/resumed main=demo:2');
      await seat.says('rollout resume deployment/resumed', 'deployment.apps/resumed resumed');
      await seat.refuses('rollout resume deployment/resumed', /is not paused/);
      const set = await seat.cluster.until(
        'there is a ReplicaSet',
        async () => (await seat.names('replicasets', 'app=resumed'))[0],
      );
      await seat.holds(`replicasets/${set}`, { [image]: 'demo:2' });
      await seat.drop('deployments/resumed');
    },
  }),
];

const scale = rowsOf('scale', {
  'a Deployment, up and down; --current-replicas': async (seat) => {
    await seat.create(workload('Deployment', 'scaled', { replicas: 0 }));
    await seat.says('scale deployment scaled --replicas=2', 'deployment.apps/scaled scaled');
    await seat.becomes('deployments/scaled', { 'status.availableReplicas': 2 });
    assert.equal((await seat.names('pods', 'app=scaled')).length, 2);
    await seat.refuses('scale deployment scaled --replicas=1 --current-replicas=9', /Expected replicas to be 9, was 2/);
    await seat.ok('scale deployment scaled --replicas=0 --current-replicas=2 --timeout=45s');
    await seat.becomes('deployments/scaled', { 'status.replicas': undefined });
    await seat.drop('deployments/scaled');
  },
  'a StatefulSet in the order of its pods': async (seat) => {
    await seat.create(workload('StatefulSet', 'scaled-set', { replicas: 0, serviceName: 'none' }));
    await seat.says('scale sts scaled-set --replicas=2', 'statefulset.apps/scaled-set scaled');
    await seat.becomes('statefulsets/scaled-set', { 'status.readyReplicas': 2 });
    assert.deepEqual(await seat.names('pods', 'app=scaled-set'), ['scaled-set-0', 'scaled-set-1']);
    await seat.ok('scale sts scaled-set --replicas=1');
    await seat.gone('pods/scaled-set-1');
    await seat.holds('pods/scaled-set-0', { 'metadata.deletionTimestamp': undefined });
    await seat.drop('statefulsets/scaled-set');
  },
  'ReplicaSets and ReplicationControllers by file and label; --resource-version': async (seat) => {
    const labels = { app: 'scaled-by' };
    const controller = {
      apiVersion: 'v1',
      kind: 'ReplicationController',
      metadata: { name: 'scaled-by', labels: { row: 'scale' } },
      spec: {
        replicas: 0,
        selector: labels,
        template: {
          metadata: { labels },
          spec: { nodeSelector: { no: 'where' }, containers: [{ name: 'c', image: 'i' }] },
        },
      },
    };
    await seat.create(controller, workload('ReplicaSet', 'scaled-rs', { replicas: 0 }));
    await seat.says('scale -f - --replicas=1', 'replicationcontroller/scaled-by scaled', input(controller));
    await seat.holds('replicationcontrollers/scaled-by', { 'spec.replicas': 1 });
    await seat.ok('scale rc -l row=scale --replicas=0');
    await seat.holds('replicationcontrollers/scaled-by', { 'spec.replicas': 0 });
    await seat.refuses(
      'scale rs scaled-rs --replicas=1 --resource-version=1',
      /Expected resource version to be 1, was \d+|the object has been modified/,
    );
    await seat.ok('scale rs scaled-rs --replicas=1 --dry-run=server');
    await seat.holds('replicasets/scaled-rs', { 'spec.replicas': 0 });
    await seat.drop('replicationcontrollers/scaled-by', 'replicasets/scaled-rs');
  },
});

export const rolloutRows: readonly Row[] = [...perKind, ...pausing, ...scale];
