// @kubernetes/client-node with server-side apply, as programs that own some
// fields of an object use it, and with Leases, as programs that elect a leader.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import {
  ApiException,
  AppsV1Api,
  CoordinationV1Api,
  CoreV1Api,
  KubeConfig,
  PatchStrategy,
  setHeaderOptions,
  type V1ConfigMap,
  type V1Deployment,
  type V1Lease,
  V1MicroTime,
} from '@kubernetes/client-node';
import { startHub } from '../support/hub.ts';

const hub = await startHub();
after(async () => {
  await hub.stop();
  assert.deepEqual(hub.errors(), []);
});
const config = new KubeConfig();
config.loadFromFile(hub.kubeconfig);
const core = config.makeApiClient(CoreV1Api);
const apps = config.makeApiClient(AppsV1Api);
const namespace = 'default';
const asApply = setHeaderOptions('Content-Type', PatchStrategy.ServerSideApply);

type ApplyOptions = { force?: boolean; dryRun?: string };
type Status = { reason: string; message: string; details?: { causes?: object[] } };

/** A manager says what it wants of a ConfigMap. */
function apply(
  fieldManager: string,
  name: string,
  data: Record<string, string>,
  options: ApplyOptions = {},
): Promise<V1ConfigMap> {
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data };
  return core.patchNamespacedConfigMap({ namespace, name, body, fieldManager, ...options }, asApply);
}

const read = (name: string): Promise<V1ConfigMap> => core.readNamespacedConfigMap({ namespace, name });

/** What each manager owns: its operation and the leaves of its fields. */
function owners({ metadata }: V1ConfigMap | V1Deployment): Record<string, string[]> {
  const leaves = (fields: object, prefix: string): string[] =>
    Object.entries(fields).flatMap(([key, value]) =>
      key === '.' ? [] : Object.keys(value).length === 0 ? [`${prefix}${key}`] : leaves(value, `${prefix}${key} `),
    );
  return Object.fromEntries(
    (metadata?.managedFields ?? []).map(({ manager, operation, subresource, fieldsV1 }) => [
      [operation, manager, subresource].filter((part) => part !== undefined).join(' '),
      leaves(fieldsV1 ?? {}, '').sort(),
    ]),
  );
}

async function refusal(work: Promise<unknown>): Promise<{ code: number; status: Status }> {
  try {
    await work;
  } catch (error) {
    if (error instanceof ApiException) return { code: error.code, status: JSON.parse(error.body as string) as Status };
    throw error;
  }
  throw new Error('it should have been refused');
}

describe('server-side apply with client-node', { timeout: 60_000 }, () => {
  it('creates, and says who owns what', async () => {
    const made = await apply('painter', 'made', { color: 'blue', size: '1' });
    assert.deepEqual(made.data, { color: 'blue', size: '1' });
    assert.deepEqual(owners(made), { 'Apply painter': ['f:data f:color', 'f:data f:size'] });
    const [entry] = made.metadata?.managedFields ?? [];
    assert.deepEqual([entry?.apiVersion, entry?.fieldsType], ['v1', 'FieldsV1']);
    assert.ok(entry?.time instanceof Date && entry.time.getTime() > 0);
    assert.deepEqual(owners(await read('made')), owners(made));
  });

  it('changes nothing when nothing is new', async () => {
    const before = await apply('painter', 'same', { color: 'blue' });
    const again = await apply('painter', 'same', { color: 'blue' });
    assert.equal(again.metadata?.resourceVersion, before.metadata?.resourceVersion);
  });

  it('refuses to take what another applied, unless forced', async () => {
    await apply('painter', 'fought', { color: 'blue', size: '1' });
    const { code, status } = await refusal(apply('vandal', 'fought', { color: 'red', mood: 'bad' }));
    assert.deepEqual([code, status.reason], [409, 'Conflict']);
    assert.equal(status.message, 'Apply failed with 1 conflict: conflict with "painter": .data.color');
    assert.deepEqual(status.details?.causes, [
      { reason: 'FieldManagerConflict', message: 'conflict with "painter"', field: '.data.color' },
    ]);
    assert.deepEqual((await read('fought')).data, { color: 'blue', size: '1' });
    const forced = await apply('vandal', 'fought', { color: 'red' }, { force: true });
    assert.deepEqual(forced.data, { color: 'red', size: '1' });
    assert.deepEqual(owners(forced), {
      'Apply painter': ['f:data f:size'],
      'Apply vandal': ['f:data f:color'],
    });
    // Who has lost a field and does not speak of it any more has no conflict.
    const calm = await apply('painter', 'fought', { size: '2' });
    assert.deepEqual(calm.data, { color: 'red', size: '2' });
  });

  it('lets two own what both want alike, and removes what nobody wants any more', async () => {
    await apply('one', 'shared', { common: 'x', own: '1' });
    const both = await apply('two', 'shared', { common: 'x' });
    assert.deepEqual(owners(both), {
      'Apply one': ['f:data f:common', 'f:data f:own'],
      'Apply two': ['f:data f:common'],
    });
    const left = await apply('one', 'shared', {});
    assert.deepEqual(left.data, { common: 'x' });
    const none = await apply('two', 'shared', {});
    assert.equal(none.data?.common, undefined);
  });

  it('conflicts with what was written without apply', async () => {
    const name = 'mixed';
    await apply('painter', name, { color: 'blue' });
    const object = await read(name);
    await core.replaceNamespacedConfigMap({
      namespace,
      name,
      body: { ...object, data: { color: 'green' } },
      fieldManager: 'editor',
    });
    const after_ = await read(name);
    assert.deepEqual(owners(after_), { 'Update editor': ['f:data f:color'] });
    const { code, status } = await refusal(apply('painter', name, { color: 'blue' }));
    assert.equal(code, 409);
    assert.match(
      status.message,
      /^Apply failed with 1 conflict: conflict with "editor" using v1( at \S+)?: \.data\.color$/,
    );
  });

  it('merges lists by their keys, and keeps the parts of other managers', async () => {
    const labels = { app: 'ssa' };
    const body = (containers: object[]): object => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'ssa' },
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers } },
      },
    });
    const send = (fieldManager: string, containers: object[]): Promise<V1Deployment> =>
      apps.patchNamespacedDeployment({ namespace, name: 'ssa', body: body(containers), fieldManager }, asApply);
    await send('base', [{ name: 'main', image: 'demo:1', ports: [{ containerPort: 80 }] }]);
    // Only a part of the object: what the other owns stays.
    await apps.patchNamespacedDeployment(
      {
        namespace,
        name: 'ssa',
        body: {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          metadata: { name: 'ssa' },
          spec: {
            template: {
              spec: {
                containers: [
                  { name: 'side', image: 'side:1' },
                  { name: 'main', env: [{ name: 'A', value: '1' }] },
                ],
              },
            },
          },
        },
        fieldManager: 'injector',
      },
      asApply,
    );
    const containersOf = async (): Promise<object> => {
      const { spec } = await apps.readNamespacedDeployment({ namespace, name: 'ssa' });
      return (spec?.template.spec?.containers ?? [])
        .map(({ name, image, env, ports }) => ({
          name,
          image,
          env: env?.map((item) => `${item.name}=${item.value}`),
          ports: ports?.map((item) => `${item.containerPort}/${item.protocol}`),
        }))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    };
    assert.deepEqual(await containersOf(), [
      { name: 'main', image: 'demo:1', env: ['A=1'], ports: ['80/TCP'] },
      { name: 'side', image: 'side:1', env: undefined, ports: undefined },
    ]);
    await send('base', [{ name: 'main', image: 'demo:2' }]);
    assert.deepEqual(await containersOf(), [
      { name: 'main', image: 'demo:2', env: ['A=1'], ports: undefined },
      { name: 'side', image: 'side:1', env: undefined, ports: undefined },
    ]);
  });

  it('keeps what is owned below a subresource apart', async () => {
    const name = 'ssa';
    const body = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name },
      status: { conditions: [{ type: 'Tested', status: 'True' }] },
    };
    const done = await apps.patchNamespacedDeploymentStatus({ namespace, name, body, fieldManager: 'prober' }, asApply);
    const owned = owners(done)['Apply prober status'] ?? [];
    assert.ok(
      owned.length > 0 && owned.every((field) => field.startsWith('f:status f:conditions k:{"type":"Tested"}')),
    );
    assert.equal(done.spec?.template.spec?.containers.length, 2);
  });

  it('tries without doing', async () => {
    const tried = await apply('painter', 'tried', { color: 'blue' }, { dryRun: 'All' });
    assert.deepEqual(tried.data, { color: 'blue' });
    assert.equal((await refusal(read('tried'))).code, 404);
  });

  it('refuses what is no apply', async () => {
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'bad' }, data: {} };
    const nameless = await refusal(core.patchNamespacedConfigMap({ namespace, name: 'bad', body }, asApply));
    assert.deepEqual([nameless.code, nameless.status.reason], [422, 'Invalid']);
    assert.match(nameless.status.message, /fieldManager: Required value: is required for apply patch/);
    const managed = { ...body, metadata: { name: 'bad', managedFields: [{ manager: 'me', operation: 'Apply' }] } };
    const owned = await refusal(
      core.patchNamespacedConfigMap({ namespace, name: 'bad', body: managed, fieldManager: 'me' }, asApply),
    );
    assert.deepEqual([owned.code, owned.status.reason], [400, 'BadRequest']);
    assert.match(owned.status.message, /metadata\.managedFields must be nil/);
    const stale = { ...body, metadata: { name: 'made', resourceVersion: '1' } };
    const conflict = await refusal(
      core.patchNamespacedConfigMap({ namespace, name: 'made', body: stale, fieldManager: 'painter' }, asApply),
    );
    assert.equal(conflict.code, 409);
    const forced = await refusal(
      core.patchNamespacedConfigMap(
        { namespace, name: 'made', body: { data: {} }, fieldManager: 'painter', force: true },
        setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
      ),
    );
    assert.deepEqual([forced.code, forced.status.reason], [422, 'Invalid']);
    assert.match(forced.status.message, /force: Forbidden: may not be specified for non-apply patch/);
  });
});

describe('Leases with client-node', { timeout: 60_000 }, () => {
  const leases = config.makeApiClient(CoordinationV1Api);
  const name = 'election';
  const now = (): V1MicroTime => new V1MicroTime();

  /** One try to become or stay the leader from what was read. Resolves with whether it was. */
  async function claim(identity: string, seen: V1Lease | undefined): Promise<boolean> {
    const transitions = (seen?.spec?.leaseTransitions ?? -1) + (seen?.spec?.holderIdentity === identity ? 0 : 1);
    const spec = {
      holderIdentity: identity,
      leaseDurationSeconds: 15,
      leaseTransitions: transitions,
      acquireTime: now(),
      renewTime: now(),
    };
    try {
      if (seen === undefined) await leases.createNamespacedLease({ namespace, body: { metadata: { name }, spec } });
      else await leases.replaceNamespacedLease({ namespace, name, body: { ...seen, spec } });
      return true;
    } catch (error) {
      if (error instanceof ApiException && error.code === 409) return false;
      throw error;
    }
  }

  it('has one winner each time that many reach for it', async () => {
    const candidates = ['a', 'b', 'c', 'd'];
    let seen: V1Lease | undefined;
    for (let term = 0; term < 10; term += 1) {
      const won = await Promise.all(candidates.map((identity) => claim(identity, seen)));
      assert.equal(won.filter((one) => one).length, 1, `term ${term}`);
      seen = await leases.readNamespacedLease({ namespace, name });
      assert.equal(seen.spec?.holderIdentity, candidates[won.indexOf(true)]);
    }
  });

  it('keeps microseconds', async () => {
    const renewTime = '2026-01-02T03:04:05.000006Z';
    const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
    const body = JSON.stringify({ metadata: { name: 'exact' }, spec: { renewTime } });
    const { text } = await hub.request('POST', path, { body });
    assert.equal((JSON.parse(text) as V1Lease).spec?.renewTime, renewTime);
    const { spec } = await leases.readNamespacedLease({ namespace, name: 'exact' });
    assert.equal(Date.parse(String(spec?.renewTime)), Date.parse(renewTime));
  });
});
