// Rows of create for objects that run nothing, and of create itself.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { fieldOf, type Thing } from '../../support/things.ts';
import { type Row, rowsOf } from './row.ts';
import type { Seat } from './seat.ts';
import { configMap, input } from './things.ts';

const rbac = 'rbac.authorization.k8s.io';
const decode = (text: unknown): string => Buffer.from(String(text), 'base64').toString();

/** Writes the administrator's certificate and key, a pair like any other, as tls.crt and tls.key. */
async function keyPair(seat: Seat): Promise<{ certificate: string; key: string }> {
  const config: unknown = parse(await readFile(seat.hub.kubeconfig, 'utf8'));
  const certificate = decode(fieldOf(config, 'users[0].user.client-certificate-data'));
  const key = decode(fieldOf(config, 'users[0].user.client-key-data'));
  await seat.kube.file('tls.crt', certificate);
  await seat.kube.file('tls.key', key);
  return { certificate, key };
}

const create = rowsOf('create', {
  '-f, twice': async (seat) => {
    await seat.says('create -f -', 'configmap/created created', input(configMap('created', { a: '1' })));
    await seat.holds('configmaps/created', { data: { a: '1' }, 'metadata.annotations': undefined });
    await seat.refuses(
      'create -f -',
      /AlreadyExists.*configmaps "created" already exists/,
      input(configMap('created')),
    );
  },
  'generateName, --save-config, --dry-run, -o': async (seat) => {
    const { name: _, ...metadata } = { name: '', generateName: 'made-' };
    const stdout = await seat.ok('create -f -', input({ apiVersion: 'v1', kind: 'ConfigMap', metadata }));
    const name = /^configmap\/(made-[a-z0-9]{5}) created$/.exec(stdout)?.[1];
    await seat.holds(`configmaps/${name}`, { 'metadata.generateName': 'made-' });
    const dry = await seat.ok('create --dry-run=server --save-config -f - -o json', input(configMap('created-dry')));
    assert.ok(fieldOf(JSON.parse(dry), 'metadata.annotations[kubectl.kubernetes.io/last-applied-configuration]'));
    await seat.absent('configmaps/created-dry');
  },
  '--edit, --raw': async (seat) => {
    const script = `#!/bin/sh\nsed -i 's/a: "1"/a: "2"/' "$1"\n`;
    const env = { KUBE_EDITOR: await seat.kube.file('editors/create', script, 0o755) };
    const file = await seat.kube.file('created-edited.json', JSON.stringify(configMap('created-edited', { a: '1' })));
    await seat.says(`create --edit -f ${file}`, 'configmap/created-edited created', { env });
    await seat.holds('configmaps/created-edited', { data: { a: '2' } });
    const raw = await seat.kube.file('created-raw.json', JSON.stringify(configMap('created-raw')));
    await seat.says(`create --raw /api/v1/namespaces/${seat.namespace}/configmaps -f ${raw}`, /"uid":"/);
    await seat.object('configmaps/created-raw');
  },
});

const access = [
  ...rowsOf('create clusterrole', {
    'resources, resource names, URLs': async (seat) => {
      const name = seat.global('created');
      await seat.says(
        `create clusterrole ${name} --verb=get,list --resource=pods,deployments.apps --resource-name=one`,
        `clusterrole.${rbac}/${name} created`,
      );
      await seat.holds(`clusterroles/${name}`, {
        rules: [
          { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'], resourceNames: ['one'] },
          { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'list'], resourceNames: ['one'] },
        ],
      });
      const urls = seat.global('created-urls');
      await seat.ok(`create clusterrole ${urls} --verb=get --non-resource-url=/logs/*`);
      await seat.holds(`clusterroles/${urls}`, { rules: [{ nonResourceURLs: ['/logs/*'], verbs: ['get'] }] });
      await seat.drop(`clusterroles/${name}`, `clusterroles/${urls}`);
    },
    '--aggregation-rule gathers the rules of others': async (seat) => {
      const [part, whole] = [seat.global('part'), seat.global('whole')];
      await seat.ok(`create clusterrole ${whole} --aggregation-rule=gather=${seat.namespace}`);
      await seat.ok(`create clusterrole ${part} --verb=get --resource=nodes`);
      await seat.ok(`label clusterrole ${part} gather=${seat.namespace}`);
      await seat.becomes(`clusterroles/${whole}`, {
        rules: [{ apiGroups: [''], resources: ['nodes'], verbs: ['get'] }],
      });
      await seat.drop(`clusterroles/${part}`, `clusterroles/${whole}`);
    },
  }),
  ...rowsOf('create clusterrolebinding', {
    'users, groups, service accounts': async (seat) => {
      const name = seat.global('created');
      await seat.says(
        `create clusterrolebinding ${name} --clusterrole=view --user=ann --group=crew --serviceaccount=${seat.namespace}:robot`,
        `clusterrolebinding.${rbac}/${name} created`,
      );
      await seat.holds(`clusterrolebindings/${name}`, {
        roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'view' },
        subjects: [
          { kind: 'User', apiGroup: rbac, name: 'ann' },
          { kind: 'Group', apiGroup: rbac, name: 'crew' },
          { kind: 'ServiceAccount', name: 'robot', namespace: seat.namespace },
        ],
      });
      await seat.drop(`clusterrolebindings/${name}`);
    },
  }),
  ...rowsOf('create role', {
    'verbs, resources, subresources': async (seat) => {
      await seat.says(
        'create role created --verb=get --verb=watch --resource=pods,pods/log,jobs.batch',
        `role.${rbac}/created created`,
      );
      await seat.holds('roles/created', {
        rules: [
          { apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'watch'] },
          { apiGroups: ['batch'], resources: ['jobs'], verbs: ['get', 'watch'] },
        ],
      });
      await seat.refuses(
        'create role created-none --verb=get --resource=widgets',
        /the server doesn't have a resource type/,
      );
    },
  }),
  ...rowsOf('create rolebinding', {
    'to a Role and a ClusterRole': async (seat) => {
      await seat.says('create rolebinding created --role=reader --user=ann', `rolebinding.${rbac}/created created`);
      await seat.ok(`create rolebinding created-too --clusterrole=view --serviceaccount=${seat.namespace}:robot`);
      await seat.holds('rolebindings/created', {
        roleRef: { apiGroup: rbac, kind: 'Role', name: 'reader' },
        subjects: [{ kind: 'User', apiGroup: rbac, name: 'ann' }],
      });
      await seat.holds('rolebindings/created-too', {
        'roleRef.kind': 'ClusterRole',
        'subjects[0].kind': 'ServiceAccount',
      });
    },
  }),
  ...rowsOf('create serviceaccount', {
    'by name': async (seat) => {
      await seat.says('create serviceaccount created', 'serviceaccount/created created');
      await seat.holds('serviceaccounts/created', { 'metadata.namespace': seat.namespace });
    },
  }),
  ...rowsOf('create token', {
    'for an audience and a time, bound to a Secret, good to log in': async (seat) => {
      await seat.ok('create serviceaccount tokened');
      const token = await seat.ok('create token tokened --duration=1h');
      const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Thing;
      assert.equal(claims.sub, `system:serviceaccount:${seat.namespace}:tokened`);
      assert.equal(Number(claims.exp) - Number(claims.iat), 3600);
      assert.equal(fieldOf(claims, '[kubernetes.io].serviceaccount.name'), 'tokened');
      const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
      const answer = await seat.hub.request('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
        anonymous: true,
        headers: { authorization: `Bearer ${token}` },
        body: JSON.stringify(review),
      });
      assert.equal(fieldOf(JSON.parse(answer.text), 'status.userInfo.username'), claims.sub, answer.text);
      await seat.create({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'tokened' } });
      const bound = await seat.ok(
        'create token tokened --audience=sea --audience=land --bound-object-kind=Secret --bound-object-name=tokened',
      );
      const more = JSON.parse(Buffer.from(bound.split('.')[1] ?? '', 'base64url').toString()) as Thing;
      assert.deepEqual(more.aud, ['sea', 'land']);
      assert.equal(fieldOf(more, '[kubernetes.io].secret.name'), 'tokened');
      await seat.refuses('create token tokened-not', /serviceaccounts "tokened-not" not found/);
    },
  }),
];

const configuration = [
  ...rowsOf('create configmap', {
    'literals, files, directories, env files': async (seat) => {
      await seat.kube.file('cm/one.txt', 'first\n');
      await seat.kube.file('cm/two.txt', 'second\n');
      await seat.says(
        'create configmap created-cm --from-literal=a=b=c --from-file=cm --from-file=named=cm/one.txt',
        'configmap/created-cm created',
      );
      await seat.holds('configmaps/created-cm', {
        data: { a: 'b=c', 'one.txt': 'first\n', 'two.txt': 'second\n', named: 'first\n' },
      });
      const env = await seat.kube.file('cm.env', '# no\nDEPTH=9\nTIDE=low\n');
      await seat.ok(`create cm created-env --from-env-file=${env}`);
      await seat.holds('configmaps/created-env', { data: { DEPTH: '9', TIDE: 'low' } });
    },
    'binary, --append-hash': async (seat) => {
      await seat.ok('create cm created-binary --from-file=kubectl.bin=/bin/true');
      const object = await seat.holds('configmaps/created-binary', { data: undefined });
      const bytes = Buffer.from(String(fieldOf(object, 'binaryData[kubectl.bin]')), 'base64');
      assert.deepEqual(bytes, await readFile('/bin/true'));
      const stdout = await seat.ok('create cm created-hash --from-literal=a=b --append-hash');
      assert.match(stdout, /^configmap\/created-hash-[a-z0-9]{10} created$/);
    },
  }),
  ...rowsOf('create secret docker-registry', {
    'of server, user and password': async (seat) => {
      await seat.says(
        'create secret docker-registry created-pull --docker-server=isle.example --docker-username=ann --docker-password=sea',
        'secret/created-pull created',
      );
      const object = await seat.holds('secrets/created-pull', { type: 'kubernetes.io/dockerconfigjson' });
      const config = JSON.parse(decode(fieldOf(object, 'data[.dockerconfigjson]'))) as unknown;
      assert.deepEqual(fieldOf(config, 'auths[isle.example]'), {
        username: 'ann',
        password: 'sea',
        auth: Buffer.from('ann:sea').toString('base64'),
      });
    },
  }),
  ...rowsOf('create secret generic', {
    'literals, files, --type': async (seat) => {
      const file = await seat.kube.file('secret.txt', 'whisper');
      await seat.says(
        `create secret generic created --from-literal=a=b --from-file=told=${file} --type=example.com/kind`,
        'secret/created created',
      );
      await seat.holds('secrets/created', { type: 'example.com/kind', data: { a: 'Yg==', told: 'd2hpc3Blcg==' } });
      await seat.ok('create secret generic created-opaque --from-literal=a=b');
      await seat.holds('secrets/created-opaque', { type: 'Opaque' });
    },
  }),
  ...rowsOf('create secret tls', {
    'of a certificate and its key': async (seat) => {
      const { certificate, key } = await keyPair(seat);
      await seat.says('create secret tls created-tls --cert=tls.crt --key=tls.key', 'secret/created-tls created');
      const object = await seat.holds('secrets/created-tls', { type: 'kubernetes.io/tls' });
      assert.deepEqual(
        [decode(fieldOf(object, 'data[tls.crt]')), decode(fieldOf(object, 'data[tls.key]'))],
        [certificate, key],
      );
    },
  }),
];

const limits = [
  ...rowsOf('create namespace', {
    'which gets its default service account': async (seat) => {
      const name = seat.global('created');
      await seat.says(`create namespace ${name}`, `namespace/${name} created`);
      await seat.becomes(`namespaces/${name}`, {
        'status.phase': 'Active',
        'metadata.labels[kubernetes.io/metadata.name]': name,
      });
      await seat.prints(
        `get serviceaccount default -n ${name} -o name --ignore-not-found`,
        /^serviceaccount\/default$/m,
      );
      await seat.prints(
        `get cm kube-root-ca.crt -n ${name} -o name --ignore-not-found`,
        /^configmap\/kube-root-ca.crt$/m,
      );
      await seat.drop(`namespaces/${name}`);
    },
  }),
  ...rowsOf('create poddisruptionbudget', {
    '--min-available, --max-unavailable': async (seat) => {
      const created = 'poddisruptionbudget.policy/created created';
      await seat.says('create poddisruptionbudget created --selector=app=none --min-available=50%', created);
      await seat.holds('poddisruptionbudgets/created', {
        'spec.minAvailable': '50%',
        'spec.selector.matchLabels': { app: 'none' },
      });
      await seat.ok('create pdb created-max --selector=app=none --max-unavailable=1');
      await seat.holds('poddisruptionbudgets/created-max', { 'spec.maxUnavailable': 1 });
    },
  }),
  ...rowsOf('create priorityclass', {
    '--value, --preemption-policy': async (seat) => {
      const name = seat.global('created');
      await seat.says(
        `create priorityclass ${name} --value=7 --description=calm --preemption-policy=Never`,
        `priorityclass.scheduling.k8s.io/${name} created`,
      );
      await seat.holds(`priorityclasses/${name}`, { value: 7, description: 'calm', preemptionPolicy: 'Never' });
      await seat.drop(`priorityclasses/${name}`);
    },
  }),
  ...rowsOf('create quota', {
    '--hard, --scopes; the quota counts and refuses': async (seat) => {
      const name = seat.global('quota');
      await seat.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
      await seat.says(`create quota created --hard=count/secrets=1,pods=2 -n ${name}`, 'resourcequota/created created');
      await seat.prints(`get quota created -n ${name} -o jsonpath={.status.used}`, /"count\/secrets":"0"/);
      await seat.ok(`create secret generic first -n ${name}`);
      await seat.refuses(
        `create secret generic second -n ${name}`,
        /secrets "second" is forbidden: exceeded quota: created, requested: count\/secrets=1, used: count\/secrets=1, limited: count\/secrets=1/,
      );
      await seat.ok(`create quota created-scoped --hard=pods=1 --scopes=BestEffort -n ${name}`);
      await seat.says(`get quota created-scoped -n ${name} -o jsonpath={.spec.scopes}`, '["BestEffort"]');
      await seat.drop(`namespaces/${name}`);
    },
  }),
];

export const createRows: readonly Row[] = [...create, ...access, ...configuration, ...limits];
