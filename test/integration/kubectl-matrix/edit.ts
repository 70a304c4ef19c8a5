// Rows of diff, edit, kustomize, replace and set.
import assert from 'node:assert/strict';
import { fieldOf, type Thing } from '../../support/things.ts';
import { type Row, rowsOf } from './row.ts';
import type { Seat } from './seat.ts';
import { configMap, input, service, workload } from './things.ts';

/** Environment in which kubectl edits with a sed script. */
async function sed(seat: Seat, name: string, ...expressions: string[]): Promise<{ env: Record<string, string> }> {
  const script = expressions.map((expression) => `sed -i '${expression}' "$1"`).join('\n');
  return { env: { KUBE_EDITOR: await seat.kube.file(`editors/${name}`, `#!/bin/sh\n${script}\n`, 0o755) } };
}

const diff = rowsOf('diff', {
  'exit code 0 without difference, 1 with': async (seat) => {
    await seat.ok('apply -f -', input(configMap('differs', { a: '1' })));
    assert.deepEqual(await seat.run('diff -f -', input(configMap('differs', { a: '1' }))), {
      code: 0,
      stdout: '',
      stderr: '',
    });
    const changed = await seat.run('diff -f -', input(configMap('differs', { a: '2' })));
    assert.equal(changed.code, 1, changed.stderr);
    const lines = changed.stdout.split('\n').filter((line) => /^[+-] {2}a/.test(line));
    assert.deepEqual(lines, ['-  a: "1"', '+  a: "2"']);
    const added = await seat.run('diff -f -', input(configMap('differs-new', { a: '1' })));
    assert.equal(added.code, 1, added.stderr);
    assert.match(added.stdout, /^\+ {2}name: differs-new$/m);
    await seat.absent('configmaps/differs-new');
    await seat.holds('configmaps/differs', { data: { a: '1' } });
    const wrong = await seat.run('diff -f -', input(configMap('Differs')));
    assert.ok(wrong.code > 1, `exit code ${wrong.code}`);
  },
  '--server-side': async (seat) => {
    await seat.ok('apply --server-side -f -', input(configMap('differs-served', { a: '1', b: '2' })));
    const { code, stdout, stderr } = await seat.run(
      'diff --server-side -f -',
      input(configMap('differs-served', { a: '1' })),
    );
    assert.equal(code, 1, stderr);
    assert.match(stdout, /^- {2}b: "2"$/m);
    await seat.holds('configmaps/differs-served', { data: { a: '1', b: '2' } });
  },
  '--prune, an external program': async (seat) => {
    const labels = { row: 'diff-prune' };
    await seat.ok(
      'apply -f -',
      input(configMap('differs-gone', {}, { labels }), configMap('differs-kept', {}, { labels })),
    );
    const pruned = await seat.run(
      'diff --prune -l row=diff-prune -f -',
      input(configMap('differs-kept', {}, { labels })),
    );
    assert.equal(pruned.code, 1, pruned.stderr);
    assert.match(pruned.stdout, /^- {2}name: differs-gone$/m);
    const program = await seat.kube.file('bin/names', '#!/bin/sh\nls "$2"; exit 1\n', 0o755);
    const external = await seat.run('diff -f -', {
      ...input(configMap('differs-kept', { a: '1' }, { labels })),
      env: { KUBECTL_EXTERNAL_DIFF: program },
    });
    assert.deepEqual([external.code, external.stdout], [1, `v1.ConfigMap.${seat.namespace}.differs-kept\n`]);
  },
});

const edit = rowsOf('edit', {
  'as YAML and JSON': async (seat) => {
    await seat.create(configMap('edited', { a: '1' }));
    await seat.says('edit configmap/edited', 'configmap/edited edited', await sed(seat, 'yaml', 's/a: "1"/a: "2"/'));
    await seat.holds('configmaps/edited', { data: { a: '2' } });
    await seat.ok('edit configmap edited -o json', await sed(seat, 'json', 's/"a": "2"/"a": "3"/'));
    await seat.holds('configmaps/edited', { data: { a: '3' } });
  },
  'without a change does nothing': async (seat) => {
    await seat.create(configMap('edited-not'));
    const { resourceVersion } = (await seat.object('configmaps/edited-not')).metadata as { resourceVersion: string };
    const { code, stderr } = await seat.run('edit configmap/edited-not', { env: { KUBE_EDITOR: 'true' } });
    assert.deepEqual([code, stderr], [0, 'Edit cancelled, no changes made.\n']);
    await seat.holds('configmaps/edited-not', { 'metadata.resourceVersion': resourceVersion });
  },
  'opens again with what was refused': async (seat) => {
    await seat.create(workload('Deployment', 'edited-twice', { replicas: 0 }));
    const script = `#!/bin/sh
      if grep -q '^# .*Invalid value' "$1"
      then sed -i 's/^  replicas: -1/  replicas: 0/; s/maxSurge: 25%/maxSurge: 1/' "$1"
      else sed -i 's/^  replicas: 0/  replicas: -1/' "$1"
      fi\n`;
    const editor = await seat.kube.file('editors/twice', script, 0o755);
    await seat.says('edit deployment/edited-twice', 'deployment.apps/edited-twice edited', {
      env: { KUBE_EDITOR: editor },
    });
    await seat.holds('deployments/edited-twice', {
      'spec.replicas': 0,
      'spec.strategy.rollingUpdate.maxSurge': 1,
    });
    await seat.drop('deployments/edited-twice');
  },
  '--output-patch, --save-config, --subresource, several objects': async (seat) => {
    await seat.create(
      configMap('edited-a', { a: '1' }),
      configMap('edited-b', { a: '1' }),
      service('edited', { type: 'LoadBalancer' }),
    );
    const both = await sed(seat, 'both', 's/a: "1"/a: "2"/');
    await seat.ok('edit configmap edited-a edited-b --save-config', both);
    for (const name of ['edited-a', 'edited-b']) {
      const object = await seat.holds(`configmaps/${name}`, { data: { a: '2' } });
      assert.ok(fieldOf(object, 'metadata.annotations[kubectl.kubernetes.io/last-applied-configuration]'));
    }
    const patch = await seat.ok('edit configmap/edited-a --output-patch', await sed(seat, 'patch', 's/a: "2"/a: "3"/'));
    assert.match(patch, /^Patch: \{"data":\{"a":"3"\}/);
    const status = await sed(seat, 'status', 's/^  loadBalancer: {}/  loadBalancer: {ingress: [{ip: 192.0.2.4}]}/');
    await seat.ok('edit service/edited --subresource=status', status);
    await seat.holds('services/edited', { 'status.loadBalancer.ingress[0].ip': '192.0.2.4' });
    await seat.drop('services/edited');
  },
});

const kustomize = rowsOf('kustomize', {
  'builds a base with an overlay': async (seat) => {
    await seat.kube.file('k/base/kustomization.yaml', 'resources: [map.yaml]\n');
    await seat.kube.file('k/base/map.yaml', JSON.stringify(configMap('k', { a: '1' })));
    const overlay =
      'resources: [../base]\nnamePrefix: over-\npatches:\n- patch: |-\n    - {op: add, path: /data/b, value: "2"}\n  target: {kind: ConfigMap}\n';
    await seat.kube.file('k/overlay/kustomization.yaml', overlay);
    const built = 'apiVersion: v1\ndata:\n  a: "1"\n  b: "2"\nkind: ConfigMap\nmetadata:\n  name: over-k';
    await seat.says('kustomize k/overlay', built);
    await seat.says('kustomize k/overlay -o built.yaml', '');
    await seat.says('apply -f built.yaml', 'configmap/over-k created');
    await seat.holds('configmaps/over-k', { data: { a: '1', b: '2' } });
  },
});

const replace = rowsOf('replace', {
  'all of an object, only one that is there': async (seat) => {
    await seat.create(configMap('replaced', { a: '1' }, { labels: { x: 'y' } }));
    const before = await seat.object('configmaps/replaced');
    await seat.says('replace -f -', 'configmap/replaced replaced', input(configMap('replaced', { b: '2' })));
    await seat.holds('configmaps/replaced', {
      data: { b: '2' },
      'metadata.labels': undefined,
      'metadata.uid': fieldOf(before, 'metadata.uid'),
    });
    await seat.refuses(
      'replace -f -',
      /NotFound.*configmaps "replaced-none" not found/,
      input(configMap('replaced-none')),
    );
    await seat.refuses('replace -f -', /the object has been modified/, input(before));
  },
  '--force deletes and makes anew': async (seat) => {
    await seat.create(configMap('replaced-anew', { a: '1' }));
    const uid = fieldOf(await seat.object('configmaps/replaced-anew'), 'metadata.uid');
    const stdout = await seat.ok('replace --force -f -', input(configMap('replaced-anew', { b: '2' })));
    assert.match(stdout, /^configmap "replaced-anew" deleted.*\nconfigmap\/replaced-anew replaced$/);
    const object = await seat.holds('configmaps/replaced-anew', { data: { b: '2' } });
    assert.notEqual(fieldOf(object, 'metadata.uid'), uid);
  },
  '--subresource=status, --save-config, --raw': async (seat) => {
    await seat.create(service('replaced', { type: 'LoadBalancer' }), configMap('replaced-raw'));
    const object = await seat.object('services/replaced');
    const ip = 'status.loadBalancer.ingress[0].ip';
    const status = { loadBalancer: { ingress: [{ ip: '192.0.2.5' }] } };
    await seat.ok('replace --subresource=status -f -', input({ ...object, status }));
    await seat.holds('services/replaced', { [ip]: '192.0.2.5' });
    await seat.ok('replace --save-config -f -', input(configMap('replaced-raw', { a: '1' })));
    await seat.holds('configmaps/replaced-raw', { data: { a: '1' } });
    const file = await seat.kube.file('raw.json', JSON.stringify(configMap('replaced-raw', { a: '2' })));
    const path = `/api/v1/namespaces/${seat.namespace}/configmaps/replaced-raw`;
    const answer = JSON.parse(await seat.ok(`replace --raw ${path} -f ${file}`)) as Thing;
    assert.deepEqual(answer.data, { a: '2' });
    await seat.drop('services/replaced');
  },
});

const set = [
  ...rowsOf('set env', {
    'literals, --from, --list, removal, one container': async (seat) => {
      await seat.create(configMap('depths', { low: '9' }), workload('Deployment', 'set-env', { replicas: 0 }));
      await seat.says('set env deploy/set-env MODE=fast GONE=1', 'deployment.apps/set-env env updated');
      await seat.ok('set env deploy/set-env GONE-');
      await seat.ok('set env deploy/set-env --from=configmap/depths --prefix=SEA_ -c main');
      await seat.holds('deployments/set-env', {
        'spec.template.spec.containers[0].env': [
          { name: 'MODE', value: 'fast' },
          { name: 'SEA_LOW', valueFrom: { configMapKeyRef: { name: 'depths', key: 'low' } } },
        ],
      });
      const listed = '# Deployment set-env, container main\nMODE=fast\nSEA_LOW=9';
      await seat.says('set env deploy/set-env --list --resolve', listed);
      await seat.drop('deployments/set-env');
    },
  }),
  ...rowsOf('set image', {
    'one, all, --local, a container that is not there': async (seat) => {
      await seat.create(workload('Deployment', 'set-image', { replicas: 0 }));
      await seat.says('set image deploy/set-image main=demo:2', 'deployment.apps/set-image image updated');
      await seat.holds('deployments/set-image', { 'spec.template.spec.containers[0].image': 'demo:2' });
      await seat.ok(`set image deployments *=demo:3 -l app=set-image`);
      await seat.holds('deployments/set-image', { 'spec.template.spec.containers[0].image': 'demo:3' });
      await seat.refuses('set image deploy/set-image none=x', /unable to find container named "none"/);
      const local = await seat.ok(
        'set image --local -f - main=demo:4 -o jsonpath={..image}',
        input(workload('Deployment', 'set-image')),
      );
      assert.equal(local, 'demo:4');
      await seat.drop('deployments/set-image');
    },
  }),
  ...rowsOf('set resources', {
    'limits and requests, removal': async (seat) => {
      await seat.create(workload('StatefulSet', 'set-resources', { replicas: 0, serviceName: 'none' }));
      const resources = 'spec.template.spec.containers[0].resources';
      await seat.says(
        'set resources sts/set-resources --limits=cpu=200m,memory=64Mi --requests=cpu=100m',
        'statefulset.apps/set-resources resource requirements updated',
      );
      await seat.holds('statefulsets/set-resources', {
        [resources]: { limits: { cpu: '200m', memory: '64Mi' }, requests: { cpu: '100m' } },
      });
      await seat.ok('set resources sts/set-resources -c main --limits=cpu=0,memory=0 --requests=cpu=0');
      await seat.holds('statefulsets/set-resources', { [`${resources}.limits.cpu`]: '0' });
      await seat.drop('statefulsets/set-resources');
    },
  }),
  ...rowsOf('set selector', {
    'of a Service': async (seat) => {
      await seat.create(service('set-selector'));
      await seat.says('set selector service set-selector tide=low,app=sea', 'service/set-selector selector updated');
      await seat.holds('services/set-selector', { 'spec.selector': { tide: 'low', app: 'sea' } });
    },
  }),
  ...rowsOf('set serviceaccount', {
    'of a Deployment': async (seat) => {
      await seat.create(workload('Deployment', 'set-account', { replicas: 0 }));
      await seat.says(
        'set serviceaccount deploy/set-account robot',
        'deployment.apps/set-account serviceaccount updated',
      );
      await seat.holds('deployments/set-account', {
        'spec.template.spec.serviceAccountName': 'robot',
        'spec.template.spec.serviceAccount': 'robot',
      });
      await seat.drop('deployments/set-account');
    },
  }),
  ...rowsOf('set subject', {
    'of a RoleBinding and a ClusterRoleBinding': async (seat) => {
      const group = 'rbac.authorization.k8s.io';
      const roleRef = { apiGroup: group, kind: 'ClusterRole', name: 'view' };
      const binding = {
        apiVersion: `${group}/v1`,
        roleRef,
        subjects: [{ apiGroup: group, kind: 'User', name: 'ann' }],
      };
      const name = seat.global('set-subject');
      await seat.create(
        { ...binding, kind: 'RoleBinding', metadata: { name: 'set-subject' } },
        { ...binding, kind: 'ClusterRoleBinding', metadata: { name } },
      );
      await seat.says(
        `set subject rolebinding set-subject --user=ben --group=crew --serviceaccount=${seat.namespace}:robot`,
        'rolebinding.rbac.authorization.k8s.io/set-subject subjects updated',
      );
      const { subjects } = await seat.object('rolebindings/set-subject');
      assert.deepEqual(
        (subjects as { kind: string; name: string }[]).map((subject) => `${subject.kind} ${subject.name}`),
        ['User ann', 'User ben', 'Group crew', 'ServiceAccount robot'],
      );
      await seat.ok(`set subject clusterrolebinding ${name} --group=crew`);
      await seat.holds(`clusterrolebindings/${name}`, { 'subjects[1].name': 'crew' });
      await seat.drop(`clusterrolebindings/${name}`);
    },
  }),
];

export const editRows: readonly Row[] = [...diff, ...edit, ...kustomize, ...replace, ...set];
