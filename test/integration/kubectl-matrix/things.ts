// The manifests that several rows start from.
import { toManifest } from '../../support/kubectl.ts';
import { shell } from '../../support/pods.ts';
import type { Thing } from '../../support/things.ts';

/** Runs until SIGTERM, at which it ends at once, and takes no processor time. */
export const patient = 'trap "exit 0" TERM; sleep 86400 & wait';

export function configMap(name: string, data: Record<string, string> = {}, metadata: Thing = {}): Thing {
  const given = Object.keys(data).length > 0 ? { data } : {};
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, ...given };
}

/** A pod with one container `main`, which runs until it is ended. */
export function pod(name: string, script = patient, spec: Thing = {}, metadata: Thing = {}): Thing {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name }, ...metadata },
    spec: { terminationGracePeriodSeconds: 1, containers: [shell('main', script)], ...spec },
  };
}

/** A Deployment, DaemonSet, StatefulSet or ReplicaSet whose pods wait and are labelled `app: NAME`. */
export function workload(kind: string, name: string, spec: Thing = {}): Thing {
  const labels = { app: name };
  const template = {
    metadata: { labels },
    spec: { terminationGracePeriodSeconds: 1, containers: [shell('main', patient)] },
  };
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, labels },
    spec: { selector: { matchLabels: labels }, template, ...spec },
  };
}

/** A Service of the pods that are labelled `app: NAME`. */
export function service(name: string, spec: Thing = {}): Thing {
  const ports = [{ name: 'web', port: 80, targetPort: 8080 }];
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { selector: { app: name }, ports, ...spec } };
}

/** Objects as the standard input of kubectl. */
export function input(...objects: Thing[]): { stdin: string } {
  return { stdin: toManifest(objects) };
}
