// Keeps EndpointSlices and Endpoints as services and pods say.

import type { ResourceId } from '../../../api/kinds/kind.ts';
import type { EndpointSlice, Endpoints, Pod, Service } from '../../../api/meta/kubernetes.ts';
import { jsonEqual, type KubeObject } from '../../../api/meta/object.ts';
import { hasReason } from '../../../api/meta/status.ts';
import type { Controller, ControllerParts } from '../../client/controller-parts.ts';
import { resources } from '../../client/resources.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import {
  endpointsOf,
  isMirrored,
  managedByLabel,
  mirrorManager,
  mirrorsOf,
  serviceNameLabel,
  sliceManager,
  slicesOf,
} from './plan.ts';

export class EndpointsController implements Controller {
  #parts: ControllerParts;
  #queue: WorkQueue;

  constructor(parts: ControllerParts) {
    this.#parts = parts;
    this.#queue = new WorkQueue('endpoints', (key) => this.#reconcile(key), parts);
    for (const resource of [resources.services, resources.pods, resources.endpoints, resources.endpointSlices])
      parts.informers.for(resource);
  }

  start(signal: AbortSignal): void {
    const { informers } = this.#parts;
    informers.for(resources.services).subscribe(({ key }) => this.#queue.add(key));
    informers.for(resources.endpoints).subscribe(({ key }) => this.#queue.add(key));
    informers.for(resources.endpointSlices).subscribe(({ object, previous }) => {
      const { namespace, labels } = (object ?? previous)?.metadata ?? { namespace: '' };
      const name = labels?.[serviceNameLabel];
      if (name !== undefined && labels?.[managedByLabel] !== undefined) this.#queue.add(`${namespace}/${name}`);
    });
    informers.for(resources.pods).subscribe(({ object, previous }) => {
      for (const pod of [object, previous]) if (pod !== undefined) this.#wakeServices(pod);
    });
    this.#queue.start(signal);
  }

  #wakeServices({ metadata }: KubeObject): void {
    for (const service of this.#parts.informers.for(resources.services).all() as Service[]) {
      const { name, namespace } = service.metadata;
      if (namespace === metadata.namespace && selects(service, metadata.labels))
        this.#queue.add(`${namespace}/${name}`);
    }
  }

  async #reconcile(key: string): Promise<void> {
    const { informers } = this.#parts;
    const service = informers.for(resources.services).get(key) as Service | undefined;
    const endpoints = informers.for(resources.endpoints).get(key) as Endpoints | undefined;
    const [namespace = '', name = ''] = key.split('/');
    const own = (informers.for(resources.endpointSlices).all() as EndpointSlice[]).filter(
      ({ metadata }) => metadata.namespace === namespace && metadata.labels?.[serviceNameLabel] === name,
    );
    const of = (manager: string): EndpointSlice[] =>
      own.filter(({ metadata }) => metadata.labels?.[managedByLabel] === manager);
    const hasSelector = Object.keys(service?.spec?.selector ?? {}).length > 0 && service?.spec?.type !== 'ExternalName';
    if (service !== undefined && service.metadata.deletionTimestamp === undefined && hasSelector) {
      const pods = (informers.for(resources.pods).all() as Pod[]).filter(
        ({ metadata }) => metadata.namespace === namespace && selects(service, metadata.labels),
      );
      await this.#keep(resources.endpoints, endpoints === undefined ? [] : [endpoints], [endpointsOf(service, pods)]);
      await this.#keep(resources.endpointSlices, of(sliceManager), slicesOf(service, pods));
    } else {
      await this.#keep(resources.endpointSlices, of(sliceManager), []);
      // What the controller wrote goes with the service; what others wrote is theirs.
      const isOurs = endpoints?.metadata.labels?.['endpoints.kubernetes.io/managed-by'] !== undefined;
      if (service === undefined && endpoints !== undefined && isOurs)
        await this.#keep(resources.endpoints, [endpoints], []);
    }
    const mirrored = !hasSelector && endpoints !== undefined && isMirrored(endpoints, service);
    await this.#keep(resources.endpointSlices, of(mirrorManager), mirrored ? mirrorsOf(endpoints) : []);
  }

  /** Makes what is missing, mends what differs, removes what is too much. */
  async #keep(resource: ResourceId, found: readonly KubeObject[], wanted: readonly KubeObject[]): Promise<void> {
    const { client } = this.#parts;
    try {
      for (const object of wanted) {
        const known = found.find(({ metadata }) => metadata.name === object.metadata.name);
        if (known === undefined) await client.create(resource, object);
        else if (!isAsWanted(known, object))
          await client.update(resource, { ...object, metadata: { ...known.metadata, ...object.metadata } });
      }
      for (const known of found)
        if (!wanted.some(({ metadata }) => metadata.name === known.metadata.name))
          await client.delete(resource, known.metadata);
    } catch (error) {
      const expected = ['AlreadyExists', 'Conflict', 'Forbidden', 'NotFound'] as const;
      if (!expected.some((reason) => hasReason(error, reason))) throw error;
    }
  }
}

function selects(service: Service, labels: Record<string, string> | undefined): boolean {
  const selector = Object.entries(service.spec?.selector ?? {});
  return selector.length > 0 && selector.every(([key, value]) => labels?.[key] === value);
}

function isAsWanted(known: KubeObject, wanted: KubeObject): boolean {
  const content = ({ metadata, apiVersion: _version, kind: _kind, ...rest }: KubeObject): object => ({
    labels: metadata.labels ?? {},
    ...rest,
  });
  return jsonEqual(content(known), content(wanted));
}
