// Which objects belong to which node's slice. Follows the informers and says
// which nodes' slices may have changed.
import type { Node, Pod } from '../../api/meta/kubernetes.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import type { SliceKey } from '../../api/wire/frames.ts';
import type { Informers } from '../client/informer.ts';
import { resources } from '../client/resources.ts';

export type Slice = Map<SliceKey, KubeObject>;

/** ConfigMaps and Secrets that a pod refers to, as slice keys. */
export function referencesOf(pod: Pod): SliceKey[] {
  const { namespace } = pod.metadata;
  const keys = new Set<SliceKey>();
  const add = (kind: 'configmaps' | 'secrets', name: string | undefined): void => {
    if (name) keys.add(`${kind}/${namespace}/${name}`);
  };
  for (const volume of pod.spec?.volumes ?? []) {
    add('configmaps', volume.configMap?.name);
    add('secrets', volume.secret?.secretName);
    for (const source of volume.projected?.sources ?? []) {
      add('configmaps', source.configMap?.name);
      add('secrets', source.secret?.name);
    }
  }
  for (const container of [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]) {
    for (const source of container.envFrom ?? []) {
      add('configmaps', source.configMapRef?.name);
      add('secrets', source.secretRef?.name);
    }
    for (const variable of container.env ?? []) {
      add('configmaps', variable.valueFrom?.configMapKeyRef?.name);
      add('secrets', variable.valueFrom?.secretKeyRef?.name);
    }
  }
  for (const secret of pod.spec?.imagePullSecrets ?? []) add('secrets', secret.name);
  return [...keys];
}

const droppedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

/** Trimmed objects by what they were made of, so that an unchanged object is trimmed and hashed once. */
const trimmed = new WeakMap<KubeObject, KubeObject>();

/** An object as agents get it: no status (that comes from them), nothing that changes by itself. */
function trim(object: KubeObject): KubeObject {
  const known = trimmed.get(object) ?? trimNew(object);
  trimmed.set(object, known);
  return known;
}

function trimNew(object: KubeObject): KubeObject {
  const {
    name,
    namespace,
    uid,
    labels,
    annotations,
    generation,
    creationTimestamp,
    deletionTimestamp,
    deletionGracePeriodSeconds,
    ownerReferences,
  } = object.metadata;
  const { [droppedAnnotation]: _, ...kept } = annotations ?? {};
  const metadata = Object.fromEntries(
    Object.entries({
      name,
      namespace,
      uid,
      labels,
      annotations: Object.keys(kept).length > 0 ? kept : undefined,
      generation,
      creationTimestamp,
      deletionTimestamp,
      deletionGracePeriodSeconds,
      ownerReferences,
    }).filter(([, value]) => value !== undefined),
  ) as unknown as KubeObject['metadata'];
  const { spec, data, binaryData, type } = object;
  const content = Object.fromEntries(
    Object.entries({ spec, data, binaryData, type }).filter(([, value]) => value !== undefined),
  );
  return { metadata, ...content };
}

export class SliceIndex {
  #informers: Informers;
  #podsByNode = new Map<string, Set<string>>();
  #nodesByReference = new Map<SliceKey, Map<string, number>>();

  constructor(informers: Informers) {
    this.#informers = informers;
    for (const resource of [resources.pods, resources.configMaps, resources.secrets, resources.nodes])
      informers.for(resource);
  }

  /** Follows the informers; calls back with each node whose slice may have changed. */
  start(onChange: (nodeName: string) => void): void {
    const informers = this.#informers;
    informers.for(resources.pods).subscribe(({ key, object, previous }) => {
      const [now, before] = [object as Pod | undefined, previous as Pod | undefined];
      if (before?.spec?.nodeName) this.#removePod(before.spec.nodeName, key, before);
      if (now?.spec?.nodeName) this.#addPod(now.spec.nodeName, key, now);
      for (const node of new Set([before?.spec?.nodeName, now?.spec?.nodeName])) if (node) onChange(node);
    });
    for (const [kind, resource] of [
      ['configmaps', resources.configMaps],
      ['secrets', resources.secrets],
    ] as const) {
      informers.for(resource).subscribe(({ key }) => {
        for (const node of this.#nodesByReference.get(`${kind}/${key}`)?.keys() ?? []) onChange(node);
      });
    }
    informers.for(resources.nodes).subscribe(({ key }) => onChange(key));
  }

  /** The slice of a node as of now. */
  sliceOf(nodeName: string): Slice {
    const slice: Slice = new Map();
    const node = this.#informers.for(resources.nodes).get(nodeName) as Node | undefined;
    if (node !== undefined) {
      const { name, uid, labels } = node.metadata;
      const podCIDR = node.spec?.podCIDR;
      slice.set(`nodes/${nodeName}`, {
        metadata: { name, ...(uid === undefined ? {} : { uid }), ...(labels === undefined ? {} : { labels }) },
        spec: podCIDR === undefined ? {} : { podCIDR },
      });
    }
    for (const key of this.#podsByNode.get(nodeName) ?? []) {
      const pod = this.#informers.for(resources.pods).get(key) as Pod | undefined;
      if (pod === undefined) continue;
      slice.set(`pods/${key}`, trim(pod));
      for (const reference of referencesOf(pod)) {
        const object = this.#referenced(reference);
        if (object !== undefined) slice.set(reference, trim(object));
      }
    }
    return slice;
  }

  #referenced(reference: SliceKey): KubeObject | undefined {
    const [kind, ...rest] = reference.split('/');
    return this.#informers.for(kind === 'secrets' ? resources.secrets : resources.configMaps).get(rest.join('/'));
  }

  #addPod(nodeName: string, key: string, pod: Pod): void {
    const pods = this.#podsByNode.get(nodeName) ?? new Set();
    pods.add(key);
    this.#podsByNode.set(nodeName, pods);
    for (const reference of referencesOf(pod)) this.#count(reference, nodeName, 1);
  }

  #removePod(nodeName: string, key: string, pod: Pod): void {
    const pods = this.#podsByNode.get(nodeName);
    pods?.delete(key);
    if (pods?.size === 0) this.#podsByNode.delete(nodeName);
    for (const reference of referencesOf(pod)) this.#count(reference, nodeName, -1);
  }

  #count(reference: SliceKey, nodeName: string, change: 1 | -1): void {
    const nodes = this.#nodesByReference.get(reference) ?? new Map<string, number>();
    const count = (nodes.get(nodeName) ?? 0) + change;
    if (count > 0) nodes.set(nodeName, count);
    else nodes.delete(nodeName);
    if (nodes.size > 0) this.#nodesByReference.set(reference, nodes);
    else this.#nodesByReference.delete(reference);
  }
}
