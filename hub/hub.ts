// The hub without sockets and files: API server, scheduler, controllers, sync
// and tunnel, joined. main.ts puts the real world around it, the simulation a
// virtual one.

import { systemPriorityClasses } from '../api/kinds/scheduling.ts';
import { jsonEqual, type KubeObject } from '../api/meta/object.ts';
import { hubUser } from '../api/meta/operation.ts';
import { hasReason } from '../api/meta/status.ts';
import type { Link, LinkPeer, NodePeer } from '../api/wire/link.ts';
import { type Clock, every } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Random } from '../platform/random.ts';
import { ApiServer } from './apiserver/server.ts';
import { apiServiceAddress, serviceRange } from './apiserver/service-addresses.ts';
import { Client } from './client/client.ts';
import type { Controller, ControllerParts } from './client/controller-parts.ts';
import { EventRecorder } from './client/event-recorder.ts';
import { Informers } from './client/informer.ts';
import { resources } from './client/resources.ts';
import { CertificatesController, type RequestSigner } from './controllers/certificates/controller.ts';
import { ClusterRolesController, ensureDefaultRoles } from './controllers/cluster-roles/controller.ts';
import { CronJobController } from './controllers/cron-job/controller.ts';
import { DaemonSetController } from './controllers/daemon-set/controller.ts';
import { DeploymentController } from './controllers/deployment/controller.ts';
import { DisruptionController } from './controllers/disruption/controller.ts';
import { EndpointsController } from './controllers/endpoints/controller.ts';
import { GarbageCollector } from './controllers/garbage-collector/controller.ts';
import { HorizontalPodAutoscalerController } from './controllers/horizontal-pod-autoscaler/controller.ts';
import { JobController } from './controllers/job/controller.ts';
import { NamespaceController } from './controllers/namespace/controller.ts';
import { NodeIpamController } from './controllers/node-ipam/controller.ts';
import { NodeLifecycleController } from './controllers/node-lifecycle/controller.ts';
import { PodGarbageCollector } from './controllers/pod-gc/controller.ts';
import {
  ReplicaSetController,
  replicaSetFlavour,
  replicationControllerFlavour,
} from './controllers/replica-set/controller.ts';
import { ResourceQuotaController } from './controllers/resource-quota/controller.ts';
import { ServiceAccountsController } from './controllers/service-accounts/controller.ts';
import { StatefulSetController } from './controllers/stateful-set/controller.ts';
import type { Tokens } from './pki/token-signer.ts';
import { matchesNode, tolerates, untoleratedTaint } from './scheduler/plan.ts';
import { Scheduler } from './scheduler/scheduler.ts';
import type { Store } from './store/store.ts';
import { Sync, type SyncParts } from './sync/sync.ts';
import { checkJoinToken } from './sync/tokens.ts';
import { Tunnel } from './tunnel/tunnel.ts';

export type HubOptions = {
  version: string;
  /** Range from which nodes get their pod addresses. */
  clusterCidr: string;
  /** How long a link may be gone before its node is called unreachable, ms. */
  unreachableAfterMs: number;
  /** History that watches and paged lists can resume from is kept for one to two of these, ms. */
  compactionIntervalMs: number;
};
export type HubParts = {
  store: Store;
  clock: Clock;
  random: Random;
  log: Log;
  signer: RequestSigner & Pick<SyncParts, 'publicKeyOf'>;
  authority: string;
  tokens: Tokens;
};

/** Time that nodes have to come back after the hub has started, ms: longer than an agent's longest pause between attempts. */
const startGraceMs = 40_000;

const systemNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

export class Hub {
  readonly server: ApiServer;
  readonly client: Client;
  #parts: HubParts;
  #compactionIntervalMs: number;
  #informers: Informers;
  #controllers: Controller[];
  #sync: Sync;

  constructor(options: HubOptions, parts: HubParts) {
    const { store, clock, random, log, signer, authority, tokens } = parts;
    this.#parts = parts;
    this.#compactionIntervalMs = options.compactionIntervalMs;
    const tunnel: Tunnel = new Tunnel({
      sendTo: (nodeName, frame) => this.#sync.sendTo(nodeName, frame),
      knowsStreams: (nodeName) => this.#sync.knowsStreams(nodeName),
    });
    const apiLog = log.child({ part: 'apiserver' });
    this.server = new ApiServer({ store, clock, random, log: apiLog, nodes: tunnel, tokens });
    this.client = new Client(this.server, hubUser);
    const clientParts = { client: this.client, clock, log };
    this.#informers = new Informers(clientParts);
    const partsFor = (component: string): ControllerParts => {
      const own = { ...clientParts, log: log.child({ part: component }) };
      return { ...own, informers: this.#informers, events: new EventRecorder({ component }, own) };
    };
    const fit: ConstructorParameters<typeof DaemonSetController>[0]['fit'] = (spec, node) => ({
      mayStart: matchesNode(spec, node) && untoleratedTaint(spec, node, ['NoSchedule', 'NoExecute']) === undefined,
      mayStay: matchesNode(spec, node) && untoleratedTaint(spec, node, ['NoExecute']) === undefined,
    });
    this.#controllers = [
      new Scheduler(partsFor('default-scheduler')),
      new DeploymentController(partsFor('deployment-controller')),
      new ReplicaSetController(replicaSetFlavour, partsFor('replicaset-controller')),
      new ReplicaSetController(replicationControllerFlavour, partsFor('replication-controller')),
      new StatefulSetController(partsFor('statefulset-controller')),
      new JobController(partsFor('job-controller')),
      new CronJobController(partsFor('cronjob-controller')),
      new HorizontalPodAutoscalerController(partsFor('horizontal-pod-autoscaler')),
      new EndpointsController(partsFor('endpointslice-controller')),
      new DisruptionController(partsFor('disruption-controller')),
      new ResourceQuotaController(partsFor('resourcequota-controller')),
      new DaemonSetController({ ...partsFor('daemonset-controller'), fit }),
      new NodeLifecycleController({ ...partsFor('node-controller'), tolerates }),
      new NodeIpamController({ clusterCidr: options.clusterCidr }, { ...partsFor('node-ipam'), random }),
      new NamespaceController(partsFor('namespace-controller')),
      new ClusterRolesController(partsFor('clusterrole-aggregation-controller')),
      new ServiceAccountsController({ authority }, partsFor('service-account-controller')),
      new GarbageCollector(partsFor('garbage-collector')),
      new PodGarbageCollector(partsFor('pod-garbage-collector')),
      new CertificatesController({ ...partsFor('certificate-controller'), signer }),
    ];
    this.#sync = new Sync(
      { hubVersion: options.version, graceMs: options.unreachableAfterMs, startGraceMs },
      {
        ...clientParts,
        informers: this.#informers,
        log: log.child({ part: 'sync' }),
        authority,
        publicKeyOf: signer.publicKeyOf,
        onStream: (nodeName, frame) => tunnel.receive(nodeName, frame),
        onNodeGone: (nodeName) => tunnel.nodeGone(nodeName),
      },
    );
  }

  /** Makes what every cluster has, then runs all parts until the signal aborts. */
  async start(signal: AbortSignal): Promise<void> {
    await this.server.start(signal);
    await this.#bootstrap();
    await this.#informers.start(signal);
    for (const controller of this.#controllers) controller.start(signal);
    this.#sync.start(signal);
    this.#compactRegularly(signal);
  }

  /** Tells the cluster where this API is reached: the endpoints of the service `default/kubernetes`. */
  async publishAddress(address: string, port: number): Promise<void> {
    const metadata = { name: 'kubernetes', namespace: 'default' };
    const subsets = [{ addresses: [{ ip: address }], ports: [{ name: 'https', port, protocol: 'TCP' }] }];
    await this.#ensure(resources.endpoints, { metadata, subsets });
    const known = await this.client.get(resources.endpoints, metadata);
    if (!jsonEqual(known.subsets, subsets)) await this.client.update(resources.endpoints, { ...known, subsets });
  }

  /** Takes over a link that the broker has authenticated. */
  accept(link: Link, peer: LinkPeer): void {
    this.#sync.accept(link, peer);
  }

  /** The broker has refused a second connection of a node that is connected. */
  refused(peer: NodePeer, connected: NodePeer): void {
    this.#sync.refused(peer, connected);
  }

  /** What a join token allows; undefined when it is wrong or expired. */
  async checkToken(id: string, secret: string): Promise<LinkPeer | undefined> {
    const grant = await checkJoinToken(this.client, this.#parts.clock, id, secret);
    return grant === undefined ? undefined : { kind: 'join', ...grant };
  }

  async #bootstrap(): Promise<void> {
    await ensureDefaultRoles(this.client);
    for (const name of systemNamespaces) await this.#ensure(resources.namespaces, { metadata: { name } });
    await this.#ensure(resources.services, {
      metadata: {
        name: 'kubernetes',
        namespace: 'default',
        labels: { component: 'apiserver', provider: 'kubernetes' },
      },
      spec: { clusterIP: apiServiceAddress, ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }] },
    });
    for (const { name, value, description } of systemPriorityClasses)
      await this.#ensure(resources.priorityClasses, { metadata: { name }, value, description });
    await this.#ensure(resources.serviceCidrs, { metadata: { name: 'kubernetes' }, spec: { cidrs: [serviceRange] } });
  }

  async #ensure(resource: (typeof resources)[keyof typeof resources], object: KubeObject): Promise<void> {
    try {
      await this.client.get(resource, object.metadata);
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error;
      try {
        await this.client.create(resource, object);
      } catch (createError) {
        // A full disk must not keep the hub from serving reads.
        if (!hasReason(createError, 'InsufficientStorage') && !hasReason(createError, 'ServiceUnavailable'))
          throw createError;
      }
    }
  }

  /** Compacts to where the store was one interval ago. */
  #compactRegularly(signal: AbortSignal): void {
    const { store, clock, log } = this.#parts;
    let previous = store.revision();
    every(clock, this.#compactionIntervalMs, signal, async () => {
      const target = previous;
      previous = store.revision();
      await store
        .compact(target)
        .catch((error: unknown) => log.warn({ err: error }, 'the store could not be compacted and will be again'));
    });
  }
}
