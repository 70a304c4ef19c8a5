// Rows of auth and certificate: who may do what, and requests for certificates.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fieldOf, type Thing } from '../../support/things.ts';
import { type Row, rowsOf } from './row.ts';
import type { Seat } from './seat.ts';
import { signingRequest } from './signing-request.ts';
import { input } from './things.ts';

const rbac = 'rbac.authorization.k8s.io';

/** A service account that may do this in the seat's namespace; resolves with its user name. */
async function robot(seat: Seat, name: string, ...rules: Thing[]): Promise<string> {
  const metadata = { name };
  await seat.create(
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    { apiVersion: `${rbac}/v1`, kind: 'Role', metadata, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: rbac, kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace: seat.namespace }],
    },
  );
  return `system:serviceaccount:${seat.namespace}:${name}`;
}

const canI = rowsOf('auth can-i', {
  'yes and no, of oneself and others': async (seat) => {
    await seat.says('auth can-i create deployments', 'yes');
    await seat.says(`auth can-i '*' '*' --all-namespaces`, 'yes');
    const nobody = await seat.run('auth can-i get pods --as=nobody');
    assert.deepEqual([nobody.code, nobody.stdout.split(/[ \n]/)[0]], [1, 'no']);
    const rules = [
      { apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'list'] },
      { apiGroups: ['apps'], resources: ['deployments'], verbs: ['*'], resourceNames: ['mine'] },
    ];
    const user = await robot(seat, 'can', ...rules);
    const can = async (what: string): Promise<string> => {
      const { code, stdout } = await seat.run(`auth can-i ${what} --as=${user}`);
      assert.equal(code, stdout.startsWith('yes') ? 0 : 1, what);
      return stdout.split(/[ \n]/)[0] ?? '';
    };
    // RBAC is followed by watching: a binding takes a moment.
    await seat.cluster.until('the binding counts', async () => ((await can('list pods')) === 'yes' ? true : undefined));
    const answers: Record<string, string> = {
      'get pods': 'yes',
      'get pods --subresource=log': 'yes',
      'get pods --subresource=exec': 'no',
      'delete pods': 'no',
      'get pods --all-namespaces': 'no',
      'get pods -n kube-system': 'no',
      'patch deployments.apps/mine': 'yes',
      'patch deployments.apps/yours': 'no',
      'patch deployments.apps': 'no',
      'get /api': 'yes',
      'get /metrics': 'no',
    };
    for (const [what, answer] of Object.entries(answers)) assert.equal(await can(what), answer, what);
    const quiet = await seat.run(`auth can-i delete pods -q --as=${user}`);
    assert.deepEqual([quiet.code, quiet.stdout], [1, '']);
  },
  'what it allows is what happens': async (seat) => {
    const user = await robot(seat, 'may', { apiGroups: [''], resources: ['configmaps'], verbs: ['create', 'get'] });
    await seat.prints(`auth can-i create configmaps --as=${user}`, /^yes$/m);
    await seat.says(`create configmap by-robot --as=${user}`, 'configmap/by-robot created');
    await seat.refuses(
      `delete configmap by-robot --as=${user}`,
      new RegExp(
        `^Error from server \\(Forbidden\\): configmaps "by-robot" is forbidden: User "${user}" cannot delete resource "configmaps" in API group "" in the namespace "${seat.namespace}"`,
      ),
    );
    await seat.refuses(
      `get nodes --as=${user}`,
      /nodes is forbidden: User ".*" cannot list resource "nodes" in API group "" at the cluster scope/,
    );
  },
  '--list': async (seat) => {
    const user = await robot(seat, 'listed', { apiGroups: ['batch'], resources: ['jobs'], verbs: ['get', 'watch'] });
    const listed = await seat.prints(`auth can-i --list --as=${user}`, /^jobs\.batch +\[\] +\[\] +\[get watch\]$/m);
    assert.match(listed, /^Resources +Non-Resource URLs +Resource Names +Verbs\n/);
    assert.match(listed, /^selfsubjectaccessreviews\.authorization\.k8s\.io +\[\] +\[\] +\[create\]$/m);
    assert.match(listed, /^ +\[\/healthz\] +\[\] +\[get\]$/m);
    await seat.says('auth can-i --list --no-headers', /^\*\.\* +\[\] +\[\] +\[\*\]$/m);
  },
});

const whoami = rowsOf('auth whoami', {
  'the administrator, another, a group': async (seat) => {
    const rows = (await seat.ok('auth whoami')).split('\n');
    assert.match(rows[0] ?? '', /^ATTRIBUTE +VALUE$/);
    assert.match(rows.join('\n'), /^Groups +\[system:masters system:authenticated\]$/m);
    const review = JSON.parse(await seat.ok('auth whoami --as=ann --as-group=crew -o json')) as Thing;
    assert.equal(review.kind, 'SelfSubjectReview');
    assert.deepEqual(fieldOf(review, 'status.userInfo.username'), 'ann');
    assert.deepEqual(fieldOf(review, 'status.userInfo.groups'), ['crew', 'system:authenticated']);
  },
});

const reconcile = rowsOf('auth reconcile', {
  'adds what is missing, removes on demand': async (seat) => {
    // Without a namespace in the manifest some versions of kubectl panic.
    const metadata = { name: 'reconciled', namespace: seat.namespace };
    const role = (...verbs: string[]): Thing => ({
      apiVersion: `${rbac}/v1`,
      kind: 'Role',
      metadata,
      rules: [{ apiGroups: [''], resources: ['pods'], verbs }],
    });
    const binding = (...names: string[]): Thing => ({
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: rbac, kind: 'Role', name: 'reconciled' },
      subjects: names.map((name) => ({ kind: 'User', name, apiGroup: rbac })),
    });
    const verbs = async (): Promise<string[]> => {
      const { rules } = await seat.object('roles/reconciled');
      return [...new Set((rules as { verbs: string[] }[]).flatMap((rule) => rule.verbs))].sort();
    };
    const subjects = async (): Promise<unknown[]> => {
      const object = await seat.object('rolebindings/reconciled');
      return (object.subjects as { name: string }[]).map(({ name }) => name).sort();
    };
    await seat.says('auth reconcile --dry-run=client -f -', /reconciled \(dry run\)$/m, input(role('get')));
    await seat.absent('roles/reconciled');
    const made = await seat.ok('auth reconcile -f -', input(role('get', 'list'), binding('ann')));
    assert.match(made, /^role\.rbac\.authorization\.k8s\.io\/reconciled reconciled$/m);
    assert.match(made, /^rolebinding\.rbac\.authorization\.k8s\.io\/reconciled reconciled$/m);
    await seat.ok('auth reconcile -f -', input(role('watch'), binding('ben')));
    assert.deepEqual(await verbs(), ['get', 'list', 'watch']);
    assert.deepEqual(await subjects(), ['ann', 'ben']);
    const remove = '--remove-extra-permissions --remove-extra-subjects';
    await seat.ok(`auth reconcile ${remove} -f -`, input(role('watch'), binding('ben')));
    assert.deepEqual(await verbs(), ['watch']);
    assert.deepEqual(await subjects(), ['ben']);
  },
});

/** Makes a request for a client certificate of the user; resolves with the key. */
async function request(seat: Seat, name: string, user: string): Promise<string> {
  const { request: pem, key } = await signingRequest(user);
  await seat.create({
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name },
    spec: {
      request: Buffer.from(pem).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client',
      usages: ['client auth'],
    },
  });
  return key;
}

const certificate = [
  ...rowsOf('certificate approve', {
    'which is then signed, and good to log in': async (seat) => {
      const name = seat.global('approved');
      const key = await request(seat, name, 'ann');
      await seat.says(`get csr ${name} --no-headers`, / Pending$/);
      await seat.says(`describe csr ${name}`, /^Status: +Pending$[\s\S]*^ +Common Name: +ann$/m);
      await seat.says(`certificate approve ${name}`, `certificatesigningrequest.certificates.k8s.io/${name} approved`);
      const object = await seat.seen(
        `certificatesigningrequests/${name}`,
        'a certificate',
        (found) => fieldOf(found, 'status.certificate') !== undefined,
      );
      assert.deepEqual(
        [fieldOf(object, 'status.conditions[0].type'), fieldOf(object, 'status.conditions[0].reason')],
        ['Approved', 'KubectlApprove'],
      );
      const pem = Buffer.from(String(fieldOf(object, 'status.certificate')), 'base64').toString();
      assert.equal(new X509Certificate(pem).subject, 'CN=ann');
      const [certificate, keyFile] = [await seat.kube.file('ann.crt', pem), await seat.kube.file('ann.key', key)];
      const kubeconfig = await seat.kube.file('ann.kubeconfig', await readFile(seat.kube.kubeconfig, 'utf8'));
      const credentials = `--client-certificate=${certificate} --client-key=${keyFile} --embed-certs`;
      await seat.ok(`config set-credentials ann ${credentials} --kubeconfig ${kubeconfig}`);
      await seat.ok(`config set-context --current --user=ann --kubeconfig ${kubeconfig}`);
      await seat.says(`auth whoami --kubeconfig ${kubeconfig} -o jsonpath={.status.userInfo.username}`, 'ann');
      await seat.says(`get csr ${name} --no-headers`, / Approved,Issued$/);
      await seat.drop(`certificatesigningrequests/${name}`);
    },
  }),
  ...rowsOf('certificate deny', {
    'which then stays unsigned': async (seat) => {
      const name = seat.global('denied');
      await request(seat, name, 'ben');
      await seat.says(`certificate deny ${name}`, `certificatesigningrequest.certificates.k8s.io/${name} denied`);
      await seat.holds(`certificatesigningrequests/${name}`, {
        'status.conditions[0].type': 'Denied',
        'status.conditions[0].reason': 'KubectlDeny',
        'status.certificate': undefined,
      });
      await seat.says(`get csr ${name} --no-headers`, / Denied$/);
      // The two exclude each other.
      await seat.refuses(`certificate approve ${name}`, /[Dd]enied/);
      await seat.drop(`certificatesigningrequests/${name}`);
    },
  }),
];

export const accessRows: readonly Row[] = [...canI, ...whoami, ...reconcile, ...certificate];
