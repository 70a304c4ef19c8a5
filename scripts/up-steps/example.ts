// Applies a manifest and waits for pods, over the API: kubectl need not be there yet.
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { parseAllDocuments } from 'yaml';
import { findKind } from '../../api/kinds/index.ts';
import { isConditionTrue } from '../../api/meta/conditions.ts';
import type { Pod } from '../../api/meta/kubernetes.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { callApi, readKubeconfig } from '../../cli/api.ts';

const readyWithinMs = 180_000;
const pollMs = 500;

/** Creates the objects of a file in the namespace default, or brings them to what it says. */
export async function applyFile(kubeconfig: string, path: string): Promise<void> {
  const config = readKubeconfig(kubeconfig);
  for (const document of parseAllDocuments(readFileSync(path, 'utf8'))) {
    const object = document.toJS() as KubeObject;
    const kind = findKind(object.apiVersion ?? '', object.kind ?? '');
    if (kind === undefined) throw new Error(`${path}: unknown kind ${object.kind}`);
    const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
    const collection = `${root}/namespaces/default/${kind.plural}`;
    const item = `${collection}/${object.metadata.name}`;
    const known = await callApi(config, 'GET', item).then(
      (answer) => answer.body as KubeObject,
      () => undefined,
    );
    if (known === undefined) await callApi(config, 'POST', collection, object);
    else
      await callApi(config, 'PUT', item, {
        ...object,
        metadata: { ...object.metadata, annotations: known.metadata.annotations },
      });
  }
}

/** Waits until so many pods with a label are Ready. @throws Error that says what the others wait for */
export async function waitForPods(kubeconfig: string, selector: string, count: number): Promise<void> {
  const config = readKubeconfig(kubeconfig);
  let pods: Pod[] = [];
  for (let waitedMs = 0; waitedMs < readyWithinMs; waitedMs += pollMs) {
    const { body } = await callApi(
      config,
      'GET',
      `/api/v1/namespaces/default/pods?labelSelector=${encodeURIComponent(selector)}`,
    );
    pods = body.items as Pod[];
    const ready = pods.filter(
      (pod) => isConditionTrue(pod.status?.conditions, 'Ready') && pod.metadata.deletionTimestamp === undefined,
    );
    if (ready.length >= count) return;
    await wait(pollMs);
  }
  const reasons = pods.map((pod) => {
    const waiting = pod.status?.containerStatuses?.[0]?.state?.waiting;
    return `${pod.metadata.name}: ${waiting?.reason ?? pod.status?.phase} ${waiting?.message ?? ''}`.trim();
  });
  throw new Error(`the pods are not Ready: ${reasons.join('; ') || 'none were made'}`);
}
