// The objects that benches make: a small ConfigMap, and a Deployment of 4 KiB
// as people write them.

export const configMaps = '/api/v1/namespaces/default/configmaps';
export const deployments = '/apis/apps/v1/namespaces/default/deployments';

export function configMap(name: string, text: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'default' },
    data: { text },
  });
}

const deploymentBytes = 4096;

type Labels = Record<string, string>;

function container(name: string, labels: Labels): object {
  const probe = { httpGet: { path: '/healthz', port: 'http', scheme: 'HTTP' }, periodSeconds: 10, failureThreshold: 3 };
  return {
    name,
    image: `registry.example.com/team/${name}:1.27.3`,
    args: ['--listen', ':8080', '--verbose'],
    ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
    env: [
      ...Object.keys(labels).map((key) => ({ name: key.toUpperCase().replace(/\W/g, '_'), value: labels[key] })),
      { name: 'POD_NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } },
      { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'credentials', key: 'password' } } },
    ],
    resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { memory: '256Mi' } },
    livenessProbe: probe,
    readinessProbe: probe,
    volumeMounts: [
      { name: 'config', mountPath: '/etc/app' },
      { name: 'data', mountPath: '/var/lib/app' },
    ],
    securityContext: { runAsNonRoot: true, allowPrivilegeEscalation: false },
  };
}

/**
 * Paused and without replicas, so that it is the API's work that is measured and no controller's. `mark` stands in an
 * annotation: what it changes makes no new generation.
 */
export function deployment(name: string, mark: string): string {
  const labels: Labels = { app: name, 'app.kubernetes.io/part-of': 'shop', tier: 'front', track: 'stable' };
  const template = {
    metadata: { labels, annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '8080' } },
    spec: {
      serviceAccountName: 'default',
      containers: [container('web', labels), container('proxy', labels)],
      volumes: [
        { name: 'config', configMap: { name: 'settings' } },
        { name: 'data', emptyDir: {} },
      ],
      nodeSelector: { 'kubernetes.io/arch': 'arm64' },
      tolerations: [{ key: 'dedicated', operator: 'Equal', value: 'shop', effect: 'NoSchedule' }],
    },
  };
  const object = (padding: string): string =>
    JSON.stringify({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: {
        name,
        namespace: 'default',
        labels,
        annotations: { 'example.com/mark': mark, 'example.com/notes': padding },
      },
      spec: { replicas: 0, paused: true, selector: { matchLabels: { app: name } }, template },
    });
  return object('x'.repeat(Math.max(0, deploymentBytes - object('').length)));
}
