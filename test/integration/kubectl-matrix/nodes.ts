// Rows of cordon, drain, taint, top and uncordon. Those that change the node
// run when nothing else does, and leave it as it was.
import assert from 'node:assert/strict';
import { shell } from '../../support/pods.ts';
import { conditionOf, fieldOf, type Thing } from '../../support/things.ts';
import { type Row, rowsOf } from './row.ts';
import type { Seat } from './seat.ts';
import { patient, pod, workload } from './things.ts';

const unschedulable = 'node.kubernetes.io/unschedulable';
const taintsOf = (node: Thing): string[] =>
  ((fieldOf(node, 'spec.taints') ?? []) as { key: string; value?: string; effect: string }[])
    .map(({ key, value = '', effect }) => `${key}=${value}:${effect}`)
    .sort();

/** A pod that has no node, and why. */
function unplaced(seat: Seat, name: string): Promise<Thing> {
  return seat.seen(`pods/${name}`, 'no node', (object) => conditionOf(object, 'PodScheduled') === 'False');
}

const cordon = [
  ...rowsOf(
    'cordon',
    {
      'keeps new pods away': async (seat) => {
        await seat.says(`cordon ${seat.node} --dry-run=server`, `node/${seat.node} cordoned (server dry run)`);
        await seat.holds(`nodes/${seat.node}`, { 'spec.unschedulable': undefined });
        await seat.says(`cordon ${seat.node}`, `node/${seat.node} cordoned`);
        await seat.says(`cordon -l kubernetes.io/hostname=${seat.node}`, `node/${seat.node} already cordoned`);
        await seat.says('get nodes --no-headers', /^\S+ +Ready,SchedulingDisabled /);
        await seat.seen(`nodes/${seat.node}`, 'the taint', (node) =>
          taintsOf(node).includes(`${unschedulable}=:NoSchedule`),
        );
        await seat.create(pod('kept-off'));
        const waiting = await unplaced(seat, 'kept-off');
        const conditions = JSON.stringify(fieldOf(waiting, 'status.conditions'));
        assert.match(conditions, /0\/1 nodes are available: 1 node\(s\) were unschedulable/);
        await seat.ok(`uncordon ${seat.node}`);
        await seat.drop('pods/kept-off');
      },
    },
    { alone: true },
  ),
  ...rowsOf(
    'uncordon',
    {
      'lets pods in that waited': async (seat) => {
        await seat.ok(`cordon ${seat.node}`);
        await seat.create(pod('let-in'));
        await unplaced(seat, 'let-in');
        await seat.says(`uncordon ${seat.node}`, `node/${seat.node} uncordoned`);
        await seat.ready('let-in');
        await seat.seen(`nodes/${seat.node}`, 'no taint', (node) => taintsOf(node).length === 0);
        await seat.holds(`nodes/${seat.node}`, { 'spec.unschedulable': undefined });
        await seat.drop('pods/let-in');
      },
    },
    { alone: true },
  ),
];

const taint = rowsOf(
  'taint',
  {
    'add, --overwrite, remove; pods feel it': async (seat) => {
      const tainted = async (...taints: string[]): Promise<void> =>
        assert.deepEqual(taintsOf(await seat.object(`nodes/${seat.node}`)), taints);
      await seat.says(
        `taint nodes ${seat.node} sea=rough:NoSchedule wind=high:PreferNoSchedule`,
        `node/${seat.node} tainted`,
      );
      await tainted('sea=rough:NoSchedule', 'wind=high:PreferNoSchedule');
      await seat.refuses(
        `taint nodes ${seat.node} sea=calm:NoSchedule`,
        /already has sea taint\(s\) with same effect\(s\) and --overwrite is false/,
      );
      await seat.says(`taint nodes ${seat.node} sea=calm:NoSchedule --overwrite`, `node/${seat.node} modified`);
      const tolerations = [{ key: 'sea', operator: 'Equal', value: 'calm', effect: 'NoSchedule' }];
      await seat.create(pod('sailor', patient, { tolerations }), pod('landlubber'));
      await seat.ready('sailor');
      await unplaced(seat, 'landlubber');
      await seat.says(
        `taint nodes -l kubernetes.io/hostname=${seat.node} sea:NoSchedule-`,
        `node/${seat.node} untainted`,
      );
      await seat.ready('landlubber');
      await seat.ok(`taint nodes --all wind-`);
      await tainted();
      await seat.refuses(`taint nodes ${seat.node} sea-`, /taint "sea" not found/);
      await seat.drop('pods/sailor', 'pods/landlubber');
    },
    'NoExecute drives pods out': async (seat) => {
      const tolerations = [{ key: 'storm', operator: 'Exists', effect: 'NoExecute' }];
      await seat.create(pod('anchored', patient, { tolerations }), pod('driven'));
      await Promise.all([seat.ready('anchored'), seat.ready('driven')]);
      await seat.ok(`taint nodes ${seat.node} storm=now:NoExecute`);
      await seat.gone('pods/driven');
      await seat.ok(`taint nodes ${seat.node} storm-`);
      await seat.holds('pods/anchored', { 'metadata.deletionTimestamp': undefined });
      await seat.drop('pods/anchored');
    },
  },
  { alone: true },
);

const drain = rowsOf(
  'drain',
  {
    'refuses what it would lose, evicts with --force': async (seat) => {
      const volumes = [{ name: 'scratch', emptyDir: {} }];
      await seat.create(
        pod('drained-bare', patient, {}, { labels: { drain: seat.namespace } }),
        pod('drained-scratch', patient, { volumes }, { labels: { drain: seat.namespace } }),
      );
      await Promise.all([seat.ready('drained-bare'), seat.ready('drained-scratch')]);
      const command = `drain ${seat.node} --pod-selector=drain=${seat.namespace}`;
      const refused = await seat.run(command);
      assert.notEqual(refused.code, 0);
      assert.match(refused.stderr, /cannot delete Pods that declare no controller/);
      assert.match(refused.stderr, /cannot delete Pods with local storage/);
      await seat.holds(`nodes/${seat.node}`, { 'spec.unschedulable': true });
      await seat.says(`${command} --force --delete-emptydir-data --dry-run=server`, /server dry run/);
      await seat.holds('pods/drained-bare', { 'metadata.deletionTimestamp': undefined });
      const stdout = await seat.ok(`${command} --force --delete-emptydir-data`);
      assert.match(stdout, /^pod\/drained-bare evicted$/m);
      assert.match(stdout, new RegExp(`^node/${seat.node} drained$`, 'm'));
      await seat.absent('pods/drained-bare');
      await seat.absent('pods/drained-scratch');
      await seat.ok(`uncordon ${seat.node}`);
    },
    'moves the pods of controllers, leaves DaemonSets alone': async (seat) => {
      await seat.create(workload('Deployment', 'drained', { replicas: 1 }), workload('DaemonSet', 'undrained'));
      await seat.becomes('deployments/drained', { 'status.availableReplicas': 1 });
      await seat.becomes('daemonsets/undrained', { 'status.numberAvailable': 1 });
      const [before] = await seat.names('pods', 'app=drained');
      const command = `drain ${seat.node} --pod-selector='app in (drained,undrained)'`;
      await seat.refuses(command, /cannot delete DaemonSet-managed Pods/);
      await seat.ok(`${command} --ignore-daemonsets --timeout=40s`);
      await seat.absent(`pods/${before}`);
      assert.equal((await seat.names('pods', 'app=undrained')).length, 1);
      const waiting = await seat.cluster.until('there is a new pod', async () => {
        const [name] = await seat.names('pods', 'app=drained');
        return name;
      });
      await unplaced(seat, waiting);
      await seat.ok(`uncordon ${seat.node}`);
      await seat.ready(waiting);
      await seat.drop('deployments/drained', 'daemonsets/undrained');
    },
    'waits for a PodDisruptionBudget; --disable-eviction does not': async (seat) => {
      const labels = { labels: { app: 'guarded' } };
      await seat.create(workload('ReplicaSet', 'guarded', { replicas: 1 }), {
        apiVersion: 'policy/v1',
        kind: 'PodDisruptionBudget',
        metadata: { name: 'guarded', ...labels },
        spec: { minAvailable: 1, selector: { matchLabels: { app: 'guarded' } } },
      });
      await seat.becomes('replicasets/guarded', { 'status.availableReplicas': 1 });
      await seat.becomes('poddisruptionbudgets/guarded', {
        'status.currentHealthy': 1,
        'status.disruptionsAllowed': 0,
      });
      const [guarded] = await seat.names('pods', 'app=guarded');
      const command = `drain ${seat.node} --pod-selector=app=guarded`;
      const refused = await seat.run(`${command} --timeout=3s`);
      assert.notEqual(refused.code, 0);
      assert.match(refused.stderr, /Cannot evict pod as it would violate the pod's disruption budget/);
      await seat.holds(`pods/${guarded}`, { 'metadata.deletionTimestamp': undefined });
      await seat.ok(`${command} --disable-eviction --timeout=40s`);
      await seat.absent(`pods/${guarded}`);
      await seat.ok(`uncordon ${seat.node}`);
      await seat.drop('replicasets/guarded', 'poddisruptionbudgets/guarded');
    },
  },
  { alone: true },
);

const amounts = '\\d+m +\\d+Mi';
const top = [
  ...rowsOf('top node', {
    'what nodes use, --sort-by, -l': async (seat) => {
      await seat.prints(
        'top node',
        new RegExp(
          `^NAME +CPU\\(cores\\) +CPU\\(?%\\)? +MEMORY\\(bytes\\) +MEMORY\\(?%\\)? *\\n${seat.node} +\\d+m +\\d+% +\\d+Mi +\\d+% *$`,
          'm',
        ),
      );
      await seat.says(`top node ${seat.node} --sort-by=memory --no-headers`, new RegExp(`^${seat.node} +\\d+m`));
      await seat.says(`top nodes -l kubernetes.io/hostname=${seat.node} --no-headers`, new RegExp(`^${seat.node} `));
    },
  }),
  ...rowsOf('top pod', {
    'what pods and containers use': async (seat) => {
      const name = await seat.target();
      await seat.prints(
        `top pod ${name}`,
        new RegExp(`^NAME +CPU\\(cores\\) +MEMORY\\(bytes\\) *\\ntarget +${amounts} *$`, 'm'),
      );
      const containers = (await seat.ok(`top pod ${name} --containers --no-headers`)).split('\n').sort();
      assert.match(containers.join('\n'), new RegExp(`^target +main +${amounts} *\\ntarget +side +${amounts} *$`));
      await seat.says('top pods -l app=target --sum', /^ +_+ +_+ *\n +\d+m +\d+Mi *$/m);
      await seat.says(
        'top pods -A --sort-by=cpu --no-headers',
        new RegExp(`^${seat.namespace} +target +${amounts} *$`, 'm'),
      );
      await seat.refuses('top pod none', /pods "none" not found|NotFound/);
    },
    'a pod that works uses more than one that waits': async (seat) => {
      const resources = { requests: { cpu: '500m' } };
      await seat.create(pod('busy', '', { containers: [shell('main', 'while :; do :; done', { resources })] }));
      await seat.ready('busy');
      const cpuOf = async (name: string): Promise<number> => {
        const { code, stdout } = await seat.run(`top pod ${name} --no-headers`);
        return code === 0 ? Number(/ (\d+)m /.exec(stdout)?.[1]) : Number.NaN;
      };
      const waiting = await seat.target();
      // What it gets of the processor depends on what else the machine does.
      const look = async (): Promise<true | undefined> =>
        (await cpuOf('busy')) > (await cpuOf(waiting)) + 20 ? true : undefined;
      await seat.cluster.until('the busy pod uses more', look, 60_000);
      await seat.drop('pods/busy');
    },
  }),
];

export const nodeRows: readonly Row[] = [...cordon, ...taint, ...drain, ...top];
