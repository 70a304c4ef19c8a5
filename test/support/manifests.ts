// A manifest of every kind that is served and that a user would write, for the
// tests that read, describe and apply them. All in the namespace `shop` but Node.

export const shopManifests: Record<string, string> = {
  '00-namespace.yaml': `
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels: {team: tide}
`,
  '10-config.yaml': `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
data:
  color: blue
  app.conf: |
    a=1
    b=2
binaryData: {blob: AAEC}
---
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: shop}
stringData: {user: admin}
data: {password: c2VjcmV0}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: runner, namespace: shop}
`,
  '20-web.yaml': `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, labels: {app: web}}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: nginx:1.27
        ports: [{containerPort: 8080}]
        resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 128Mi}}
        livenessProbe: {httpGet: {path: /healthz, port: 8080}}
        env:
        - {name: COLOR, valueFrom: {configMapKeyRef: {name: settings, key: color}}}
        volumeMounts: [{name: conf, mountPath: /etc/conf}]
      volumes: [{name: conf, configMap: {name: settings}}]
`,
  '30-others.yaml': `
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: lone, namespace: shop}
spec:
  replicas: 1
  selector: {matchLabels: {app: lone}}
  template:
    metadata: {labels: {app: lone}}
    spec: {containers: [{name: c, image: busybox}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: shop}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: c, image: "busybox:1"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: solo, namespace: shop, labels: {app: solo}}
spec: {containers: [{name: c, image: busybox, args: [sleep, "10"]}]}
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: lock, namespace: shop}
spec: {holderIdentity: me, leaseDurationSeconds: 30}
---
apiVersion: v1
kind: Event
metadata: {name: note, namespace: shop}
involvedObject: {apiVersion: v1, kind: Pod, name: solo, namespace: shop}
reason: Tested
message: by hand
type: Normal
source: {component: tester}
firstTimestamp: "2026-01-01T00:00:00Z"
lastTimestamp: "2026-01-01T00:00:00Z"
count: 3
---
apiVersion: apps/v1
kind: ControllerRevision
metadata: {name: rev, namespace: shop}
revision: 7
data: {a: b}
`,
};

/** What kubectl calls them, in the order of the files. */
export const shopObjects = [
  'namespace/shop',
  'configmap/settings',
  'secret/keys',
  'serviceaccount/runner',
  'service/web',
  'deployment.apps/web',
  'replicaset.apps/lone',
  'daemonset.apps/agent',
  'pod/solo',
  'lease.coordination.k8s.io/lock',
  'event/note',
  'controllerrevision.apps/rev',
];
