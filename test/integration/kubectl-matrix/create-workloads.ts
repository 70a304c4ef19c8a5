// Rows of create for what runs or is reached, and of autoscale and expose.
import assert from 'node:assert/strict';
import { images } from '../../support/engine.ts';
import { fieldOf, type Thing } from '../../support/things.ts';
import { type Row, rowsOf } from './row.ts';
import { patient, pod, workload } from './things.ts';

const template = 'spec.template.spec';

const workloads = [
  ...rowsOf('create deployment', {
    '--replicas, --port, a command; its pods run': async (seat) => {
      await seat.says(
        `create deployment created --image=${images.one} --replicas=1 --port=8080 -- sh -c '${patient}'`,
        'deployment.apps/created created',
      );
      await seat.holds('deployments/created', {
        'metadata.labels': { app: 'created' },
        'spec.selector.matchLabels': { app: 'created' },
        [`${template}.containers[0].name`]: 'busybox',
        [`${template}.containers[0].ports[0].containerPort`]: 8080,
      });
      await seat.becomes('deployments/created', { 'status.availableReplicas': 1 });
      await seat.drop('deployments/created');
    },
    'several images': async (seat) => {
      await seat.ok('create deployment created-two --image=demo:1 --image=other/side:2 --replicas=0');
      const object = await seat.object('deployments/created-two');
      const containers = fieldOf(object, `${template}.containers`) as { name: string; image: string }[];
      assert.deepEqual(
        containers.map(({ name, image }) => `${name} ${image}`),
        ['demo demo:1', 'side other/side:2'],
      );
      await seat.drop('deployments/created-two');
    },
  }),
  ...rowsOf('create job', {
    'runs to its end': async (seat) => {
      await seat.says(`create job created --image=${images.one} -- sh -c 'echo done'`, 'job.batch/created created');
      await seat.becomes('jobs/created', { 'status.succeeded': 1 });
      await seat.says('logs job/created', 'done');
      await seat.drop('jobs/created');
    },
    '--from a CronJob': async (seat) => {
      await seat.ok(`create cronjob source --image=${images.one} --schedule='0 0 1 1 *' -- true`);
      await seat.says('create job created-from --from=cronjob/source', 'job.batch/created-from created');
      await seat.holds('jobs/created-from', {
        'metadata.annotations[cronjob.kubernetes.io/instantiate]': 'manual',
        'metadata.ownerReferences[0].kind': 'CronJob',
        [`${template}.containers[0].command`]: ['true'],
      });
      await seat.becomes('jobs/created-from', { 'status.succeeded': 1 });
      await seat.drop('cronjobs/source', 'jobs/created-from');
    },
  }),
  ...rowsOf('create cronjob', {
    '--schedule, --restart': async (seat) => {
      await seat.says(
        `create cronjob created --image=${images.one} --schedule='*/5 * * * *' --restart=Never -- echo hi`,
        'cronjob.batch/created created',
      );
      await seat.holds('cronjobs/created', {
        'spec.schedule': '*/5 * * * *',
        'spec.concurrencyPolicy': 'Allow',
        [`spec.jobTemplate.${template}.restartPolicy`]: 'Never',
        [`spec.jobTemplate.${template}.containers[0].command`]: ['echo', 'hi'],
      });
      await seat.refuses(
        `create cronjob created-wrong --image=i --schedule='5 o clock'`,
        /spec\.schedule: Invalid value: "5 o clock"/,
      );
      await seat.drop('cronjobs/created');
    },
  }),
];

const network = [
  ...rowsOf('create ingress', {
    'rules, TLS, class, default backend, annotations': async (seat) => {
      await seat.says(
        'create ingress created --class=sea --rule=isle.example/api*=web:80,tls=cert --default-backend=web:http --annotation=a=b',
        'ingress.networking.k8s.io/created created',
      );
      await seat.holds('ingresses/created', {
        'metadata.annotations': { a: 'b' },
        'spec.ingressClassName': 'sea',
        'spec.tls': [{ hosts: ['isle.example'], secretName: 'cert' }],
        'spec.defaultBackend': { service: { name: 'web', port: { name: 'http' } } },
        'spec.rules': [
          {
            host: 'isle.example',
            http: {
              paths: [
                { path: '/api', pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } },
              ],
            },
          },
        ],
      });
    },
  }),
  ...rowsOf('create service clusterip', {
    'with an address, and without one': async (seat) => {
      await seat.says('create service clusterip created --tcp=80:8080 --tcp=443', 'service/created created');
      const object = await seat.holds('services/created', {
        'spec.type': 'ClusterIP',
        'spec.selector': { app: 'created' },
        'spec.ports[0]': { name: '80-8080', protocol: 'TCP', port: 80, targetPort: 8080 },
        'spec.ports[1].targetPort': 443,
      });
      assert.match(String(fieldOf(object, 'spec.clusterIP')), /^\d+\.\d+\.\d+\.\d+$/);
      await seat.ok('create service clusterip created-headless --clusterip=None');
      await seat.holds('services/created-headless', { 'spec.clusterIP': 'None' });
    },
  }),
  ...rowsOf('create service externalname', {
    'of another name': async (seat) => {
      await seat.says('create service externalname created-name --external-name=far.example', /created$/);
      await seat.holds('services/created-name', {
        'spec.type': 'ExternalName',
        'spec.externalName': 'far.example',
        'spec.clusterIP': undefined,
      });
    },
  }),
  ...rowsOf('create service loadbalancer', {
    'with a node port': async (seat) => {
      await seat.says('create service loadbalancer created-balanced --tcp=80', 'service/created-balanced created');
      const object = await seat.holds('services/created-balanced', { 'spec.type': 'LoadBalancer' });
      const port = Number(fieldOf(object, 'spec.ports[0].nodePort'));
      assert.ok(port >= 30_000 && port <= 32_767, `node port ${port}`);
      await seat.drop('services/created-balanced');
    },
  }),
  ...rowsOf('create service nodeport', {
    'given by hand, once': async (seat) => {
      const port = 30_000 + Number(seat.version.split('.')[1]);
      await seat.says(`create service nodeport created-port --tcp=80 --node-port=${port}`, /created$/);
      await seat.holds('services/created-port', { 'spec.type': 'NodePort', 'spec.ports[0].nodePort': port });
      await seat.refuses(
        `create service nodeport created-again --tcp=80 --node-port=${port}`,
        /spec\.ports\[0\]\.nodePort: Invalid value: \d+: provided port is already allocated/,
      );
      await seat.drop('services/created-port');
    },
  }),
  ...rowsOf('expose', {
    'a Deployment, a pod, a Service, a ReplicaSet': async (seat) => {
      await seat.create(
        workload('Deployment', 'exposed', { replicas: 0 }),
        workload('ReplicaSet', 'exposed-set', { replicas: 0 }),
        pod('exposed-pod', patient, { nodeSelector: { no: 'where' } }),
      );
      await seat.says('expose deployment exposed --port=80 --target-port=web', 'service/exposed exposed');
      await seat.holds('services/exposed', {
        'spec.selector': { app: 'exposed' },
        'spec.ports': [{ protocol: 'TCP', port: 80, targetPort: 'web' }],
        'metadata.labels': { app: 'exposed' },
      });
      await seat.ok('expose pod exposed-pod --port=53 --protocol=UDP --name=exposed-dns --type=NodePort -l a=b');
      await seat.holds('services/exposed-dns', {
        'spec.type': 'NodePort',
        'spec.ports[0].protocol': 'UDP',
        'spec.selector': { app: 'exposed-pod' },
        'metadata.labels': { a: 'b' },
      });
      await seat.ok('expose service exposed --port=443 --name=exposed-again --cluster-ip=None');
      await seat.holds('services/exposed-again', { 'spec.clusterIP': 'None', 'spec.selector': { app: 'exposed' } });
      await seat.ok('expose rs exposed-set --port=80 --selector=a=b --session-affinity=ClientIP');
      await seat.holds('services/exposed-set', { 'spec.selector': { a: 'b' }, 'spec.sessionAffinity': 'ClientIP' });
      await seat.drop('pods/exposed-pod', 'deployments/exposed', 'replicasets/exposed-set', 'services/exposed-dns');
    },
    '--dry-run=client -o yaml': async (seat) => {
      await seat.create(workload('Deployment', 'exposed-dry', { replicas: 0 }));
      await seat.says('expose deploy exposed-dry --port=80 --dry-run=client -o yaml', /^kind: Service$/m);
      await seat.absent('services/exposed-dry');
      await seat.drop('deployments/exposed-dry');
    },
  }),
];

const autoscale = rowsOf('autoscale', {
  'a Deployment by processor time': async (seat) => {
    await seat.create(workload('Deployment', 'autoscaled', { replicas: 1 }));
    const cpu = seat.since('1.35') ? '--cpu=50%' : '--cpu-percent=50';
    await seat.says(
      `autoscale deployment autoscaled --min=1 --max=3 ${cpu}`,
      'horizontalpodautoscaler.autoscaling/autoscaled autoscaled',
    );
    const resource = { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } };
    await seat.holds('horizontalpodautoscalers/autoscaled', {
      'spec.minReplicas': 1,
      'spec.maxReplicas': 3,
      'spec.scaleTargetRef': { apiVersion: 'apps/v1', kind: 'Deployment', name: 'autoscaled' },
      'spec.metrics': [{ type: 'Resource', resource }],
    });
    // The same object in the older version of its group.
    await seat.says(
      'get horizontalpodautoscalers.v1.autoscaling autoscaled -o jsonpath={.apiVersion},{.spec.targetCPUUtilizationPercentage}',
      'autoscaling/v1,50',
    );
    await seat.says(
      'get hpa autoscaled --no-headers',
      /^autoscaled +Deployment\/autoscaled +cpu: <unknown>\/50% +1 +3 +\d+ /,
    );
    await seat.drop('horizontalpodautoscalers/autoscaled', 'deployments/autoscaled');
  },
  'by amounts of cpu and memory': async (seat) => {
    await seat.create(workload('ReplicaSet', 'autoscaled-set', { replicas: 0 }));
    if (!seat.since('1.35')) await seat.ok('autoscale rs autoscaled-set --max=2 --name=sized');
    else await seat.ok('autoscale rs autoscaled-set --max=2 --name=sized --cpu=500m --memory=200Mi');
    const object = await seat.holds('horizontalpodautoscalers/sized', { 'spec.scaleTargetRef.kind': 'ReplicaSet' });
    const metrics = (fieldOf(object, 'spec.metrics') as { resource: Thing }[]).map(({ resource }) => resource);
    const amounts = [
      { name: 'cpu', target: { type: 'AverageValue', averageValue: '500m' } },
      { name: 'memory', target: { type: 'AverageValue', averageValue: '200Mi' } },
    ];
    const usual = [{ name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } }];
    assert.deepEqual(metrics, seat.since('1.35') ? amounts : usual);
    await seat.drop('horizontalpodautoscalers/sized', 'replicasets/autoscaled-set');
  },
});

export const createWorkloadRows: readonly Row[] = [...workloads, ...network, ...autoscale];
