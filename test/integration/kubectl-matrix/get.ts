// Rows of get.
import assert from 'node:assert/strict';
import { fieldOf, type Thing } from '../../support/things.ts';
import { type Row, rowsOf } from './row.ts';
import type { Seat } from './seat.ts';
import { configMap, input, patient, pod, workload } from './things.ts';

/** Three ConfigMaps that a row finds by its label; their data tells their order. */
async function three(seat: Seat, row: string): Promise<void> {
  for (const [index, color] of ['red', 'green', 'blue'].entries())
    await seat.create(configMap(`${row}-${color}`, { order: String(index) }, { labels: { row, color } }));
}

const output = rowsOf('get', {
  'as a table, -o wide, --no-headers, --show-labels, -L, --show-kind': async (seat) => {
    const name = await seat.target();
    const [head = '', row = ''] = (await seat.ok(`get pod ${name}`)).split('\n');
    assert.deepEqual(head.split(/ +/), ['NAME', 'READY', 'STATUS', 'RESTARTS', 'AGE']);
    assert.match(row, /^target +2\/2 +Running +0 +\d+[smh]/);
    const { podIP } = (await seat.object(`pods/${name}`)).status as { podIP: string };
    const wide = (await seat.ok(`get pod ${name} -o wide`)).split('\n').map((line) => line.split(/ {2,}/));
    assert.deepEqual(wide[0]?.slice(5), ['IP', 'NODE', 'NOMINATED NODE', 'READINESS GATES']);
    assert.deepEqual(wide[1]?.slice(5), [podIP, seat.node, '<none>', '<none>']);
    await seat.says(`get pod ${name} --no-headers --show-labels`, /^target .* app=target$/);
    await seat.says(`get pod ${name} -L app`, /^NAME .* APP\ntarget .* target$/);
    await seat.says(`get pod ${name} --show-kind --no-headers`, /^pod\/target /);
    await seat.says(`get pod ${name} --server-print=false`, /^NAME +AGE\ntarget +\d+[smh]/);
  },
  '-o json, yaml, name': async (seat) => {
    await seat.create(configMap('got', { a: '1' }));
    const object = await seat.object('configmaps/got');
    const { managedFields: _, ...metadata } = object.metadata as Thing;
    assert.deepEqual(JSON.parse(await seat.ok('get cm got -o json')), { ...object, metadata });
    await seat.says('get cm got -o yaml', /^apiVersion: v1\ndata:\n {2}a: "1"\nkind: ConfigMap\nmetadata:\n/);
    await seat.says('get configmap/got -o name', 'configmap/got');
  },
  '-o jsonpath, jsonpath-as-json, jsonpath-file': async (seat) => {
    await three(seat, 'jsonpath');
    const range = `'jsonpath={range .items[*]}{.metadata.name}={.data.order},{end}'`;
    await seat.says(`get cm -l row=jsonpath -o ${range}`, 'jsonpath-blue=2,jsonpath-green=1,jsonpath-red=0,');
    const filter = `'jsonpath={.items[?(@.data.order=="1")].metadata.labels.color}'`;
    await seat.says(`get cm -l row=jsonpath -o ${filter}`, 'green');
    const asJson = await seat.ok('get cm jsonpath-red -o jsonpath-as-json={.data}');
    assert.deepEqual(JSON.parse(asJson), [{ order: '0' }]);
    const file = await seat.kube.file('get.jsonpath', '{.data.order}');
    await seat.says(`get cm jsonpath-blue -o jsonpath-file=${file}`, '2');
  },
  '-o go-template, custom-columns and their files': async (seat) => {
    await three(seat, 'template');
    const template = '{{range .items}}{{.data.order}}{{end}}';
    await seat.says(`get cm -l row=template -o 'go-template=${template}'`, '210');
    await seat.says(`get cm -l row=template -o go-template-file=${await seat.kube.file('get.tmpl', template)}`, '210');
    const columns = 'get cm template-red -o custom-columns';
    const table = 'NAME           ORDER\ntemplate-red   0';
    await seat.says(`${columns}=NAME:.metadata.name,ORDER:.data.order`, table);
    const file = await seat.kube.file('get.columns', 'NAME ORDER\nmetadata.name data.order\n');
    await seat.says(`${columns}-file=${file}`, table);
  },
  '--show-managed-fields': async (seat) => {
    await seat.ok('create configmap managed --from-literal=a=b');
    assert.doesNotMatch(await seat.ok('get cm managed -o yaml'), /managedFields/);
    const managed = JSON.parse(await seat.ok('get cm managed -o json --show-managed-fields')) as Thing;
    const [entry, ...others] = fieldOf(managed, 'metadata.managedFields') as Thing[];
    assert.deepEqual(others, []);
    assert.deepEqual(
      [entry?.manager, entry?.operation, entry?.apiVersion, entry?.fieldsType, entry?.fieldsV1],
      ['kubectl-create', 'Update', 'v1', 'FieldsV1', { 'f:data': { '.': {}, 'f:a': {} } }],
    );
  },
  '--sort-by': async (seat) => {
    await three(seat, 'sorted');
    await seat.says(
      'get cm -l row=sorted --sort-by=.data.order -o name',
      'configmap/sorted-red\nconfigmap/sorted-green\nconfigmap/sorted-blue',
    );
    await seat.says(
      'get cm -l row=sorted --sort-by=.metadata.name',
      /^NAME.*\nsorted-blue.*\nsorted-green.*\nsorted-red/,
    );
  },
  '-o kyaml': async (seat) => {
    if (!seat.since('1.35')) return seat.refuses('get cm -o kyaml', /unable to match a printer/);
    await seat.create(configMap('got-kyaml', { a: 'no' }));
    await seat.says(
      'get cm got-kyaml -o kyaml',
      /^---\n\{\n {2}apiVersion: "v1",\n {2}data: \{\n {4}a: "no",\n {2}\},\n {2}kind: "ConfigMap",/,
    );
    return undefined;
  },
});

const selection = rowsOf('get', {
  'several kinds, names and files; all': async (seat) => {
    await seat.create(
      configMap('many', {}, { labels: { row: 'many' } }),
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'many', labels: { row: 'many' } } },
      workload('Deployment', 'many', { replicas: 0 }),
    );
    await seat.says('get cm,secrets -l row=many -o name', 'configmap/many\nsecret/many');
    await seat.says('get configmap/many secret/many -o name', 'configmap/many\nsecret/many');
    await seat.says('get -f - -o name', 'configmap/many', input(configMap('many')));
    await seat.becomes('deployments/many', { 'status.observedGeneration': 1 });
    await seat.prints('get all -l app=many -o name', /^deployment\.apps\/many\nreplicaset\.apps\/many-[a-z0-9]+$/m);
    await seat.drop('deployments/many');
  },
  '-l with =, !=, in, notin, exists': async (seat) => {
    await three(seat, 'selected');
    const found = (selector: string): Promise<string> => seat.ok(`get cm -o name -l '${selector}'`);
    const [red, green, blue] = ['red', 'green', 'blue'].map((color) => `configmap/selected-${color}`);
    assert.equal(await found('row=selected,color=red'), red);
    assert.equal(await found('row==selected,color!=red'), `${blue}\n${green}`);
    assert.equal(await found('row=selected,color in (red, blue)'), `${blue}\n${red}`);
    assert.equal(await found('row=selected,color notin (red,blue)'), green);
    assert.equal(await found('row=selected,!color'), '');
    assert.equal((await found('row=selected,color')).split('\n').length, 3);
    await seat.refuses(`get cm -l 'a=b=c'`, /BadRequest/);
  },
  '--field-selector': async (seat) => {
    const name = await seat.target();
    await seat.create(pod('unplaced', patient, { nodeSelector: { no: 'where' } }));
    const running = `status.phase=Running,spec.nodeName=${seat.node},metadata.name=${name}`;
    await seat.says(`get pods --field-selector ${running} -o name`, 'pod/target');
    await seat.says('get pods --field-selector status.phase!=Running,metadata.name=unplaced -o name', 'pod/unplaced');
    await seat.refuses('get pods --field-selector spec.colour=red', /field label not supported: spec\.colour/);
    await seat.drop('pods/unplaced');
  },
  '-A': async (seat) => {
    await seat.create(configMap('everywhere', {}, { labels: { seat: seat.namespace } }));
    const rows = (await seat.ok(`get cm -A -l seat=${seat.namespace}`)).split('\n');
    assert.match(rows[0] ?? '', /^NAMESPACE +NAME +DATA +AGE$/);
    assert.match(rows[1] ?? '', new RegExp(`^${seat.namespace} +everywhere +0 `));
    assert.match(await seat.ok('get serviceaccounts -A -o name'), /(serviceaccount\/default\n?){2,}/);
  },
  '--chunk-size gives all objects once': async (seat) => {
    await three(seat, 'chunked');
    const names = 'configmap/chunked-blue\nconfigmap/chunked-green\nconfigmap/chunked-red';
    await seat.says('get cm -l row=chunked --chunk-size=1 -o name', names);
    const { stderr } = await seat.run('get cm -l row=chunked --chunk-size=1 -v=8');
    const pages = stderr
      .split('\n')
      .filter((line) => /GET.*limit=1\b/.test(line) || /verb="GET".*limit=1\b/.test(line));
    assert.ok(pages.length >= 3, stderr);
    await seat.says('get cm -l row=chunked --chunk-size=0 -o name', names);
  },
  '--subresource=status and scale': async (seat) => {
    await seat.create(workload('Deployment', 'got-sub', { replicas: 0 }));
    await seat.says('get deployment got-sub --subresource=status -o jsonpath={.kind}', 'Deployment');
    await seat.says(
      'get deployment got-sub --subresource=scale -o jsonpath={.kind}/{.apiVersion}',
      'Scale/autoscaling/v1',
    );
    await seat.says('get deploy got-sub --subresource=scale', /^NAME +DESIRED +AVAILABLE +AGE\ngot-sub +0 +0 /);
    await seat.drop('deployments/got-sub');
  },
  '--watch, --watch-only, --output-watch-events': async (seat) => {
    await seat.create(configMap('watched', { a: '1' }));
    const all = await seat.stream('get cm watched --watch --output-watch-events -o json');
    await all.line(/"type": ?"ADDED"/);
    const only = await seat.stream('get cm --watch-only --field-selector metadata.name=watched --output-watch-events');
    // A watch says nothing when it begins: changes are made until it has seen one.
    await seat.cluster.until('the watch sees a change', async () => {
      await seat.ok(`annotate cm watched n=${Date.now()} --overwrite`);
      return only.lines.some((line) => /^MODIFIED +watched /.test(line)) ? true : undefined;
    });
    await seat.drop('configmaps/watched');
    await only.line(/^DELETED +watched /);
    await all.line(/"type": ?"DELETED"/);
    assert.ok(!only.lines.some((line) => line.startsWith('ADDED')));
    await Promise.all([all.stop(), only.stop()]);
  },
  '--raw, --ignore-not-found, what is not there': async (seat) => {
    const answer = JSON.parse(await seat.ok(`get --raw /api/v1/namespaces/${seat.namespace}`)) as Thing;
    assert.equal(answer.kind, 'Namespace');
    await seat.says('get --raw /readyz', 'ok');
    await seat.says('get cm none --ignore-not-found', '');
    await seat.refuses('get cm none', /^Error from server \(NotFound\): configmaps "none" not found$/);
    await seat.refuses('get widgets', /^error: the server doesn't have a resource type "widgets"$/);
    const { code, stderr } = await seat.run('get limitranges');
    assert.deepEqual([code, stderr], [0, `No resources found in ${seat.namespace} namespace.\n`]);
  },
  '-k': async (seat) => {
    await seat.create(configMap('got-k'));
    await seat.kube.file('got-k/kustomization.yaml', 'resources: [map.yaml]\n');
    await seat.kube.file('got-k/map.yaml', JSON.stringify(configMap('got-k')));
    await seat.says('get -k got-k -o name', 'configmap/got-k');
  },
});

/** What the table of each kind begins with. */
const columns: [string, string[]][] = [
  ['configmaps', ['NAME', 'DATA', 'AGE']],
  ['cronjobs', ['NAME', 'SCHEDULE', 'TIMEZONE', 'SUSPEND', 'ACTIVE', 'LAST SCHEDULE', 'AGE']],
  ['daemonsets', ['NAME', 'DESIRED', 'CURRENT', 'READY', 'UP-TO-DATE', 'AVAILABLE', 'NODE SELECTOR', 'AGE']],
  ['deployments', ['NAME', 'READY', 'UP-TO-DATE', 'AVAILABLE', 'AGE']],
  ['endpointslices', ['NAME', 'ADDRESSTYPE', 'PORTS', 'ENDPOINTS', 'AGE']],
  ['horizontalpodautoscalers', ['NAME', 'REFERENCE', 'TARGETS', 'MINPODS', 'MAXPODS', 'REPLICAS', 'AGE']],
  ['ingresses', ['NAME', 'CLASS', 'HOSTS', 'ADDRESS', 'PORTS', 'AGE']],
  ['jobs', ['NAME', 'STATUS', 'COMPLETIONS', 'DURATION', 'AGE']],
  ['limitranges', ['NAME', 'CREATED AT']],
  ['namespaces', ['NAME', 'STATUS', 'AGE']],
  ['networkpolicies', ['NAME', 'POD-SELECTOR', 'AGE']],
  ['nodes', ['NAME', 'STATUS', 'ROLES', 'AGE', 'VERSION']],
  [
    'persistentvolumeclaims',
    ['NAME', 'STATUS', 'VOLUME', 'CAPACITY', 'ACCESS MODES', 'STORAGECLASS', 'VOLUMEATTRIBUTESCLASS', 'AGE'],
  ],
  ['poddisruptionbudgets', ['NAME', 'MIN AVAILABLE', 'MAX UNAVAILABLE', 'ALLOWED DISRUPTIONS', 'AGE']],
  ['replicasets', ['NAME', 'DESIRED', 'CURRENT', 'READY', 'AGE']],
  ['resourcequotas', ['NAME', 'REQUEST', 'LIMIT', 'AGE']],
  ['rolebindings', ['NAME', 'ROLE', 'AGE']],
  ['roles', ['NAME', 'CREATED AT']],
  ['secrets', ['NAME', 'TYPE', 'DATA', 'AGE']],
  ['services', ['NAME', 'TYPE', 'CLUSTER-IP', 'EXTERNAL-IP', 'PORT(S)', 'AGE']],
  ['statefulsets', ['NAME', 'READY', 'AGE']],
];

const tables = rowsOf('get', {
  'the columns of each kind, by the API': async (seat) => {
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
    const different: string[] = [];
    for (const [resource, expected] of columns) {
      const { text } = await seat.request('GET', resource, { headers: { accept } });
      const table = JSON.parse(text) as { columnDefinitions?: { name: string; priority: number }[] };
      const shown = table.columnDefinitions?.filter(({ priority }) => priority === 0);
      const names = shown?.map(({ name }) => name.toUpperCase()).join();
      if (names !== expected.join()) different.push(`${resource}: ${names ?? text}, expected ${expected.join()}`);
    }
    assert.deepEqual(different, []);
  },
});

export const getRows: readonly Row[] = [...output, ...selection, ...tables];
