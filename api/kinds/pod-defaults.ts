// Defaults of pod specs, as Kubernetes documents them field by field:
// https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
import { isJsonObject, type JsonObject } from '../meta/object.ts';
import { setDefaults } from './kind.ts';

/** `Always` for `:latest` and for images without a tag, else `IfNotPresent`; https://kubernetes.io/docs/concepts/containers/images/#imagepullpolicy-defaulting */
function defaultPullPolicy(image: string): string {
  if (image.includes('@')) return 'IfNotPresent';
  const tag = /:([^/:]+)$/.exec(image)?.[1];
  return tag === undefined || tag === 'latest' ? 'Always' : 'IfNotPresent';
}

function objects(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

function defaultProbe(probe: unknown): void {
  if (!isJsonObject(probe)) return;
  setDefaults(probe, { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 });
  if (isJsonObject(probe.httpGet)) setDefaults(probe.httpGet, { path: '/', scheme: 'HTTP' });
  if (isJsonObject(probe.grpc)) setDefaults(probe.grpc, { service: '' });
}

function defaultContainer(container: JsonObject): void {
  setDefaults(container, {
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: defaultPullPolicy(String(container.image ?? '')),
    resources: {},
  });
  for (const port of objects(container.ports)) setDefaults(port, { protocol: 'TCP' });
  for (const variable of objects(container.env)) {
    const source = isJsonObject(variable.valueFrom) ? variable.valueFrom : {};
    if (isJsonObject(source.fieldRef)) setDefaults(source.fieldRef, { apiVersion: 'v1' });
  }
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe']) defaultProbe(container[name]);
  const lifecycle = isJsonObject(container.lifecycle) ? container.lifecycle : {};
  for (const hook of [lifecycle.postStart, lifecycle.preStop]) {
    if (isJsonObject(hook) && isJsonObject(hook.httpGet)) setDefaults(hook.httpGet, { path: '/', scheme: 'HTTP' });
  }
}

/** What a container of a pod gets, and one of a template does not. */
function defaultOwnContainer({ ports, resources }: JsonObject, hostNetwork: boolean): void {
  if (hostNetwork) for (const port of objects(ports)) setDefaults(port, { hostPort: port.containerPort });
  // A limit without a request is also the request.
  if (isJsonObject(resources) && isJsonObject(resources.limits)) {
    resources.requests ??= {};
    if (isJsonObject(resources.requests)) setDefaults(resources.requests, resources.limits);
  }
}

const sourcesWithMode = ['configMap', 'secret', 'projected', 'downwardAPI'];

function defaultVolume(volume: JsonObject): void {
  if (Object.keys(volume).every((key) => key === 'name')) volume.emptyDir = {};
  for (const source of sourcesWithMode) {
    const value = volume[source];
    if (isJsonObject(value)) setDefaults(value, { defaultMode: 0o644 });
  }
  if (isJsonObject(volume.hostPath)) setDefaults(volume.hostPath, { type: '' });
  for (const source of objects(isJsonObject(volume.projected) ? volume.projected.sources : [])) {
    if (isJsonObject(source.serviceAccountToken)) setDefaults(source.serviceAccountToken, { expirationSeconds: 3600 });
  }
  const items = isJsonObject(volume.downwardAPI) ? objects(volume.downwardAPI.items) : [];
  for (const item of items) if (isJsonObject(item.fieldRef)) setDefaults(item.fieldRef, { apiVersion: 'v1' });
}

/** Fills in a pod spec, in place. */
export function defaultPodSpec(spec: JsonObject): void {
  setDefaults(spec, {
    restartPolicy: 'Always',
    dnsPolicy: 'ClusterFirst',
    terminationGracePeriodSeconds: 30,
    securityContext: {},
    schedulerName: 'default-scheduler',
  });
  if (typeof spec.serviceAccountName === 'string') spec.serviceAccount ??= spec.serviceAccountName;
  for (const list of [spec.initContainers, spec.containers, spec.ephemeralContainers]) {
    for (const container of objects(list)) defaultContainer(container);
  }
  for (const volume of objects(spec.volumes)) defaultVolume(volume);
}

/** Fills in containers for debugging, in place. */
export function defaultEphemeralContainers(containers: readonly object[]): void {
  for (const container of containers) defaultContainer(container as JsonObject);
}

/**
 * What pods themselves get, not templates: requests and host ports, the service account, and
 * tolerations that keep a pod on a node that went offline. Kubernetes gives these two
 * 300 seconds; here a node out of reach keeps its pods until someone says otherwise.
 */
export function admitPodSpec(spec: JsonObject): void {
  setDefaults(spec, {
    enableServiceLinks: true,
    serviceAccountName: 'default',
  });
  spec.serviceAccount ??= spec.serviceAccountName;
  for (const container of [...objects(spec.initContainers), ...objects(spec.containers)])
    defaultOwnContainer(container, spec.hostNetwork === true);
  const tolerations = objects(spec.tolerations);
  for (const key of ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']) {
    const tolerated = tolerations.some(
      (toleration) =>
        (toleration.key === key || (toleration.key ?? '') === '') &&
        [undefined, '', 'NoExecute'].includes(toleration.effect as string | undefined),
    );
    if (!tolerated) tolerations.push({ key, operator: 'Exists', effect: 'NoExecute' });
  }
  spec.tolerations = tolerations;
}
