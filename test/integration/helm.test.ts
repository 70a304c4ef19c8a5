// Helm 3 and 4 with a chart of our own against a hub whose node is a real
// agent: the life of a release, its hooks and tests, and their effects in the
// cluster. The steps of a version follow one another on the same release.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type HelmVersion, helmVersions } from '../support/client-binary.ts';
import { TestCluster } from '../support/cluster.ts';
import { images } from '../support/engine.ts';
import { Helm } from '../support/helm.ts';
import type { Watch } from '../support/hub.ts';
import { Space } from '../support/space.ts';
import { conditionOf, fieldOf, type Thing } from '../support/things.ts';

const chart = fileURLToPath(new URL('charts/harbour', import.meta.url));
const release = 'pier';
const image = 'spec.template.spec.containers[0].image';
const timeout = '--timeout=50s';

type Revision = { revision: number; status: string; chart: string; description: string };

let cluster: TestCluster;
before(async () => {
  cluster = await TestCluster.start({ hubArgs: ['--unreachable-after', '60s'] });
  await cluster.addAgent({ name: 'rock' });
});
after(async () => {
  const errors = cluster?.hub.errors();
  await cluster?.stop();
  assert.deepEqual(errors, []);
});

/** NAME EVENT of what a watch has seen of jobs and deployments, in the order of the revisions. */
function storyOf(...watches: Watch[]): string[] {
  const told = new Map<string, number>();
  for (const { events } of watches) {
    for (const { type, object } of events.all) {
      const version = Number(object.metadata.resourceVersion);
      const { name } = object.metadata;
      const note = (what: string): void => {
        if (!told.has(`${name} ${what}`)) told.set(`${name} ${what}`, version);
      };
      if (type === 'ADDED') note('made');
      if (type === 'DELETED') note('gone');
      if (conditionOf(object as Thing, 'Complete') === 'True') note('done');
      if (conditionOf(object as Thing, 'Available') === 'True') note('available');
    }
  }
  return [...told].sort(([, a], [, b]) => a - b).map(([text]) => text);
}

/** The first is before the second in the story, and both are there. */
function precedes(story: string[], first: string, second: string): void {
  const [a, b] = [story.indexOf(first), story.indexOf(second)];
  assert.ok(a >= 0 && b >= 0 && a < b, `expected "${first}" before "${second}" in\n${story.join('\n')}`);
}

function steps(version: HelmVersion): void {
  const namespace = `helm-${version.replace('.', '-')}`;
  const rollbackOnFailure = version >= '4' ? '--rollback-on-failure' : '--atomic';
  let helm: Helm;
  let space: Space;
  before(async () => {
    space = new Space(cluster.hub, namespace);
    helm = new Helm(cluster.hub.kubeconfig, { version, namespace });
    await space.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    const metadata = { name: 'chart-of-the-sea' };
    await space.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { depth: '9 fathoms' } });
  });

  const history = async (): Promise<string[]> =>
    (await helm.json<Revision[]>('history', release)).map(({ revision, status }) => `${revision} ${status}`);
  const podsOf = (part: string): Promise<string[]> =>
    space.names('pods', `app.kubernetes.io/instance=${release},part=${part}`);
  const uidOf = async (ref: string): Promise<unknown> => fieldOf(await space.object(ref), 'metadata.uid');

  it('renders with what the cluster has, and makes nothing', async () => {
    // Helm 3 asks for what the cluster can do with --validate only; Helm 4 has taken that into --dry-run.
    const validate = version < '4' ? ['--validate'] : [];
    const rendered = await helm.ok('template', release, chart, '--dry-run=server', ...validate);
    assert.match(rendered, /^ {2}depth: "9 fathoms"$/m);
    const served = await cluster.hub.get<{ gitVersion: string }>('/version');
    assert.ok(rendered.includes(`kubernetes: "${served.gitVersion}"`), rendered);
    assert.match(rendered, /^ {2}jobs: "true"$/m);
    const dry = await helm.ok('install', release, chart, '--dry-run=server');
    assert.match(dry, /^ {2}depth: "9 fathoms"$/m);
    assert.match(dry, /^STATUS: pending-install$/m);
    assert.deepEqual(await space.names('secrets'), []);
    assert.deepEqual(await space.names('deployments'), []);
    for (const command of ['template', 'install']) {
      const args = [command, release, chart, '--dry-run=server', ...(command === 'template' ? validate : [])];
      assert.match(await helm.fails(...args, '--set', 'broken=true'), /no matches for kind "Widget"/);
    }
    assert.match(await helm.fails('install', release, chart, '--set', 'replicas=many'), /replicas/);
  });

  it('installs: hooks in their order around the objects, then what --wait waits for', async () => {
    const jobs = await cluster.hub.watch(`/apis/batch/v1/namespaces/${namespace}/jobs?watch=1`);
    const deployments = await cluster.hub.watch(`/apis/apps/v1/namespaces/${namespace}/deployments?watch=1`);
    const said = await helm.ok('install', release, chart, '--wait', '--wait-for-jobs', timeout, '--labels', 'tide=low');
    assert.match(said, /^STATUS: deployed$/m);
    assert.match(said, new RegExp(`^NOTES:\n${release} says ahoy in ${namespace}, revision 1\\.$`, 'm'));
    await jobs.events.first(
      ({ type, object }) => type === 'DELETED' && object.metadata.name === `${release}-after`,
      'the end of the last hook',
    );
    const story = storyOf(jobs, deployments);
    precedes(story, `${release}-first done`, `${release}-second made`);
    precedes(story, `${release}-second done`, `${release} made`);
    precedes(story, `${release} available`, `${release}-after made`);
    precedes(story, `${release}-fill done`, `${release}-after made`);
    precedes(story, `${release}-after done`, `${release}-after gone`);
    jobs.close();
    deployments.close();
    // Whose policy is hook-succeeded is gone, the other stays.
    assert.deepEqual(await space.names('jobs'), [`${release}-fill`, `${release}-first`]);
    const log = await cluster.kubectl.ok(['logs', `job/${release}-first`, '-n', namespace]);
    assert.equal(log, 'hook first');
  });

  it('has made objects that are the release’s, and work', async () => {
    const owned = await space.holds(`configmaps/${release}-config`, {
      'data.greeting': 'ahoy',
      'data.depth': '9 fathoms',
      'metadata.labels[app.kubernetes.io/managed-by]': 'Helm',
      'metadata.annotations[meta.helm.sh/release-name]': release,
      'metadata.annotations[meta.helm.sh/release-namespace]': namespace,
    });
    const managers = (fieldOf(owned, 'metadata.managedFields') as { operation: string }[]).map(
      (item) => item.operation,
    );
    assert.deepEqual(managers, [version >= '4' ? 'Apply' : 'Update']);
    await space.holds(`secrets/sh.helm.release.v1.${release}.v1`, {
      type: 'helm.sh/release.v1',
      'metadata.labels.owner': 'helm',
      'metadata.labels.status': 'deployed',
      'metadata.labels.tide': 'low',
    });
    const [pod = ''] = await podsOf('server');
    await space.holds(`pods/${pod}`, { 'spec.serviceAccountName': release, 'status.phase': 'Running' });
    const user = `system:serviceaccount:${namespace}:${release}`;
    const may = async (what: string): Promise<string> => {
      const args = ['auth', 'can-i', 'get', what, '-n', namespace, '--as', user];
      return (await cluster.kubectl.run(args)).stdout.split(/\s/)[0] ?? '';
    };
    assert.deepEqual([await may(`configmaps/${release}-config`), await may(`secrets/${release}-key`)], ['yes', 'no']);
  });

  it('tells what it has installed', async () => {
    const listed = await helm.json<{ name: string; revision: string; status: string; chart: string }[]>('list');
    assert.deepEqual(
      listed.map(({ name, revision, status, chart: of }) => [name, revision, status, of]),
      [[release, '1', 'deployed', 'harbour-1.2.3']],
    );
    assert.equal(await helm.ok('list', '-q', '--selector', 'tide=low'), release);
    assert.equal(await helm.ok('list', '-q', '--selector', 'tide=high'), '');
    assert.match(await helm.ok('status', release), /^STATUS: deployed\nREVISION: 1$/m);
    const manifest = await helm.ok('get', 'manifest', release);
    assert.match(manifest, /^kind: Deployment$/m);
    assert.doesNotMatch(manifest, /helm\.sh\/hook/);
    assert.match(await helm.ok('get', 'hooks', release), /^ {4}helm\.sh\/hook: post-install$/m);
    assert.match(await helm.ok('get', 'notes', release), /says ahoy/);
    assert.equal(await helm.ok('get', 'values', release, '-o', 'json'), 'null');
    assert.equal((await helm.json<Thing>('get', 'values', release, '--all')).greeting, 'ahoy');
    assert.deepEqual(await history(), ['1 deployed']);
  });

  it('tests: a pod whose end tells', async () => {
    const said = await helm.ok('test', release, '--logs', timeout);
    assert.match(said, /^Phase: +Succeeded$/m);
    assert.match(said, /^found ahoy$/m);
    await space.holds(`pods/${release}-test`, { 'status.phase': 'Succeeded' });
  });

  it('upgrades: changed pods, the same Secret, what others added stays', async () => {
    const [before_] = await podsOf('server');
    const key = fieldOf(await space.object(`secrets/${release}-key`), 'data.key');
    const [hook, job] = [await uidOf(`jobs/${release}-first`), await uidOf(`jobs/${release}-fill`)];
    await cluster.kubectl.ok(['label', 'deployment', release, 'added=by-hand', '-n', namespace]);
    const args = ['--set', `greeting=hello,expected=ahoy,image=${images.two}`, '--wait', timeout];
    const said = await helm.ok('upgrade', release, chart, ...args);
    assert.match(said, /^REVISION: 2$/m);
    assert.match(said, /says hello in .*, revision 2\.$/m);
    await space.holds(`deployments/${release}`, { [image]: images.two, 'metadata.labels.added': 'by-hand' });
    await space.holds(`configmaps/${release}-config`, { 'data.greeting': 'hello' });
    await space.holds(`secrets/${release}-key`, { 'data.key': key });
    await space.gone(`pods/${before_}`);
    // The pre-upgrade hook has run anew, the Job that did not change has not.
    assert.notEqual(await uidOf(`jobs/${release}-first`), hook);
    assert.equal(await uidOf(`jobs/${release}-fill`), job);
    assert.deepEqual(await history(), ['1 superseded', '2 deployed']);
    const refused = await helm.run('test', release, timeout);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stdout + refused.stderr, /failed/i);
  });

  it('goes back by itself when an upgrade fails', async () => {
    const pods = await podsOf('server');
    const args = ['--reuse-values', '--set', 'image=skerry-test/none:1', rollbackOnFailure, '--timeout=12s'];
    assert.match(await helm.fails('upgrade', release, chart, ...args), /rolled back due to|UPGRADE FAILED/);
    assert.deepEqual(await history(), ['1 superseded', '2 superseded', '3 failed', '4 deployed']);
    await space.holds(`deployments/${release}`, { [image]: images.two });
    await space.becomes(`deployments/${release}`, {
      'status.updatedReplicas': 1,
      'status.unavailableReplicas': undefined,
    });
    assert.deepEqual(await podsOf('server'), pods, 'the pods of the good revision run on');
    await space.object(`jobs/${release}-back`);
  });

  it('rolls back to a revision', async () => {
    const hook = await uidOf(`jobs/${release}-back`);
    await helm.ok('rollback', release, '1', '--wait', timeout);
    await space.holds(`deployments/${release}`, { [image]: images.one, 'metadata.labels.added': 'by-hand' });
    await space.holds(`configmaps/${release}-config`, { 'data.greeting': 'ahoy' });
    assert.notEqual(await uidOf(`jobs/${release}-back`), hook);
    const revisions = await helm.json<Revision[]>('history', release);
    assert.deepEqual(
      [revisions.at(-1)?.revision, revisions.at(-1)?.status, revisions.at(-1)?.description],
      [5, 'deployed', 'Rollback to 1'],
    );
  });

  it('turns a part of the chart on and off', async () => {
    await helm.ok('upgrade', release, chart, '--set', 'beacon.enabled=true,job.enabled=false', timeout);
    await space.holds(`configmaps/${release}-beacon`, { data: { light: 'white' } });
    await space.gone(`jobs/${release}-fill`);
    await helm.ok('upgrade', release, chart, '--reuse-values', '--set', 'beacon.light=green', timeout);
    await space.holds(`configmaps/${release}-beacon`, { data: { light: 'green' } });
    await helm.ok('upgrade', release, chart, '--reuse-values', '--set', 'beacon.enabled=false', timeout);
    await space.gone(`configmaps/${release}-beacon`);
  });

  it('leaves alone what is not its own, until it may take it', async () => {
    const metadata = { name: `${release}-beacon` };
    await space.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { light: 'none' } });
    const on = ['upgrade', release, chart, '--reuse-values', '--set', 'beacon.enabled=true', timeout];
    assert.match(await helm.fails(...on), /invalid ownership metadata/);
    await space.holds(`configmaps/${release}-beacon`, { 'data.light': 'none' });
    const force = version >= '4' ? ['--force-conflicts'] : [];
    await helm.ok(...on, '--take-ownership', ...force);
    await space.holds(`configmaps/${release}-beacon`, {
      'data.light': 'green',
      'metadata.annotations[meta.helm.sh/release-name]': release,
    });
  });

  it('uninstalls: all of it but the hooks, the history when asked to', async () => {
    await helm.ok('uninstall', release, '--keep-history', '--wait', timeout);
    await space.absent(`deployments/${release}`);
    for (const collection of ['services', 'serviceaccounts', 'roles', 'rolebindings', 'replicasets'])
      assert.ok(!(await space.names(collection)).some((name) => name.startsWith(release)), collection);
    await cluster.until('the pods are gone', async () => ((await podsOf('server')).length === 0 ? true : undefined));
    await space.holds(`jobs/${release}-last`, { 'status.succeeded': 1 });
    assert.equal((await history()).at(-1)?.split(' ')[1], 'uninstalled');
    assert.equal(await helm.ok('list', '-q', '--deployed'), '');
    assert.equal(await helm.ok('list', '-q', '--uninstalled'), release);
    await helm.ok('uninstall', release);
    assert.match(await helm.fails('status', release), /release: not found/);
    assert.deepEqual(await space.names('secrets'), []);
    await space.object('configmaps/chart-of-the-sea');
  });

  it('installs what is not there: upgrade --install, --create-namespace, --generate-name', async () => {
    const other = `${namespace}-other`;
    const quiet = ['--set', 'replicas=0,job.enabled=false', '--no-hooks', timeout];
    await helm.ok('upgrade', '--install', 'quay', chart, '-n', other, '--create-namespace', ...quiet);
    const listed = await helm.json<{ name: string; namespace: string }[]>('list', '-A', '--filter', 'quay');
    assert.deepEqual(
      listed.filter((item) => item.namespace === other).map(({ name }) => name),
      ['quay'],
    );
    const { name } = await helm.json<{ name: string }>('install', '--generate-name', chart, ...quiet);
    assert.match(name, /^harbour-\d+$/);
    await helm.ok('uninstall', name, '--no-hooks', '--wait', timeout);
    await space.drop(`namespaces/${other}`);
  });
}

describe('Helm', { concurrency: helmVersions.length }, () => {
  for (const version of helmVersions) {
    describe(`Helm ${version}`, { concurrency: 1, timeout: 400_000 }, () => steps(version));
  }
});
