// What users do to the cluster in the simulation, and what the API owes them
// for it: the state after every write that it acknowledged.

import type { ResourceId } from '../../api/kinds/kind.ts';
import type { Deployment, Pod } from '../../api/meta/kubernetes.ts';
import { type JsonObject, type KubeObject, objectKey } from '../../api/meta/object.ts';
import { hasReason } from '../../api/meta/status.ts';
import type { Client } from '../../hub/client/client.ts';
import { resources } from '../../hub/client/resources.ts';
import type { Random } from '../../platform/random.ts';

/** What is known of an object's content; undefined: it does not exist, or is on its way out. */
type Known = string | undefined;
type Entry = {
  resource: ResourceId;
  name: string;
  /** What the last acknowledged write made of it. */
  acknowledged: Known;
  /** What writes whose answer has not come may have made of it. */
  possible: Set<Known>;
};

/** A user whose earlier delete is still under way meets these. */
const expectedRefusals = ['NotFound', 'AlreadyExists', 'Conflict'] as const;
const namespace = 'default';
const names = {
  deployments: ['alpha', 'beta', 'gamma', 'delta'],
  pods: ['solo', 'duo', 'job'],
  configs: ['one', 'two'],
};
const apps = ['web', 'web', 'stubborn', 'flaky', 'crashy', 'slow-end', 'pulled', 'late'];

export class Workload {
  #random: Random;
  #entries = new Map<string, Entry>();
  #refusals: string[] = [];
  #version = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Begins one write; says what it is. */
  step(client: Client): string {
    const roll = this.#random.fraction();
    if (roll < 0.5) return this.#changeDeployment(client);
    if (roll < 0.75) return this.#changePod(client);
    if (roll < 0.8) return this.#ensureDaemonSet(client);
    return this.#changeConfig(client);
  }

  /** Makes what pods may be waiting for. */
  settle(client: Client): string {
    for (const name of names.configs)
      if (this.#entry(resources.configMaps, name).acknowledged === undefined && this.isSettled())
        this.#putConfig(client, name);
    return 'all configmaps exist';
  }

  /** Deployments that must be there at rest. */
  deployments(): string[] {
    return [...this.#entries.values()].flatMap(({ resource, name, acknowledged }) =>
      resource === resources.deployments && acknowledged !== undefined ? [name] : [],
    );
  }

  /** Whether every write has its answer. */
  isSettled(): boolean {
    return [...this.#entries.values()].every(({ possible }) => possible.size === 0);
  }

  /** The hub that held the unanswered writes is dead: what it has not done by now it never will. */
  async hubDied(reader: Client): Promise<void> {
    for (const entry of this.#entries.values()) {
      if (entry.possible.size === 0) continue;
      const actual = await this.#read(reader, entry);
      if (entry.possible.has(actual)) entry.acknowledged = actual;
      entry.possible = new Set();
    }
  }

  /** Writes that the API has forgotten, or done otherwise than it said. */
  async check(reader: Client): Promise<string[]> {
    const problems = this.#refusals.splice(0);
    for (const [key, entry] of this.#entries) {
      const allowed = new Set([entry.acknowledged, ...entry.possible]);
      const actual = await this.#read(reader, entry);
      if (!allowed.has(actual))
        problems.push(
          `${key} is ${actual ?? 'absent'}, but ${[...allowed].map((item) => item ?? 'absent').join(' or ')} was acknowledged`,
        );
    }
    return problems;
  }

  #changeDeployment(client: Client): string {
    const name = this.#pick(names.deployments);
    const { acknowledged, possible } = this.#entry(resources.deployments, name);
    if (possible.size > 0) return `deployment ${name} is being written`;
    const target = { namespace, name };
    if (acknowledged === undefined) {
      const deployment = this.#deployment(name);
      this.#write(resources.deployments, name, contentOf(deployment), () =>
        client.create(resources.deployments, deployment),
      );
      return `create deployment ${name} ${contentOf(deployment)}`;
    }
    const roll = this.#random.fraction();
    if (roll < 0.2) {
      this.#write(resources.deployments, name, undefined, () => client.delete(resources.deployments, target));
      return `delete deployment ${name}`;
    }
    const [replicas, image] = acknowledged.split(' ');
    if (roll < 0.6) {
      const count = Math.floor(this.#random.fraction() * 5);
      const patch = { spec: { replicas: count } };
      this.#write(resources.deployments, name, `${count} ${image}`, () =>
        client.patch(resources.deployments, target, 'merge', patch),
      );
      return `scale deployment ${name} to ${count}`;
    }
    const next = this.#image();
    const patch = { spec: { template: { spec: { containers: [{ name: 'main', image: next }] } } } };
    this.#write(resources.deployments, name, `${replicas} ${next}`, () =>
      client.patch(resources.deployments, target, 'strategic', patch),
    );
    return `set image of deployment ${name} to ${next}`;
  }

  #changePod(client: Client): string {
    const name = this.#pick(names.pods);
    const { acknowledged, possible } = this.#entry(resources.pods, name);
    if (possible.size > 0) return `pod ${name} is being written`;
    const target = { namespace, name };
    if (acknowledged === undefined) {
      const pod = this.#pod(name);
      this.#write(resources.pods, name, contentOf(pod), () => client.create(resources.pods, pod));
      return `create pod ${name} ${contentOf(pod)}`;
    }
    const roll = this.#random.fraction();
    if (name !== 'job' && roll > 0.6) return this.#resizePod(client, name, acknowledged);
    if (name === 'job' || roll < 0.35) {
      const grace = this.#random.fraction() < 0.2 ? { gracePeriodSeconds: 0 } : {};
      this.#write(resources.pods, name, undefined, () => client.delete(resources.pods, target, grace));
      return `delete pod ${name} ${JSON.stringify(grace)}`;
    }
    const next = this.#image();
    const patch = { spec: { containers: [{ name: 'main', image: next }] } };
    const memory = acknowledged.split(' ').at(1) ?? '';
    this.#write(resources.pods, name, `${next} ${memory}`, () =>
      client.patch(resources.pods, target, 'strategic', patch),
    );
    return `set image of pod ${name} to ${next}`;
  }

  /** More or less memory, while the pod runs or its node is away. */
  #resizePod(client: Client, name: string, content: string): string {
    const memory = this.#memory();
    const [image = ''] = content.split(' ');
    const patch = { spec: { containers: [{ name: 'main', resources: resourcesOf(memory) }] } };
    this.#write(resources.pods, name, `${image} ${memory}`, () =>
      client.patch(resources.pods, { namespace, name }, 'strategic', patch, 'resize'),
    );
    return `resize pod ${name} to ${memory}`;
  }

  #changeConfig(client: Client): string {
    const name = this.#pick(names.configs);
    const { acknowledged, possible } = this.#entry(resources.configMaps, name);
    if (possible.size > 0) return `configmap ${name} is being written`;
    if (acknowledged !== undefined && this.#random.fraction() < 0.2) {
      this.#write(resources.configMaps, name, undefined, () =>
        client.delete(resources.configMaps, { namespace, name }),
      );
      return `delete configmap ${name}`;
    }
    return `put configmap ${name} ${this.#putConfig(client, name)}`;
  }

  #putConfig(client: Client, name: string): string {
    this.#version += 1;
    const config = { metadata: { name, namespace }, data: { value: `v${this.#version}` } };
    const isNew = this.#entry(resources.configMaps, name).acknowledged === undefined;
    this.#write(resources.configMaps, name, config.data.value, () =>
      isNew
        ? client.create(resources.configMaps, config)
        : client.patch(resources.configMaps, { namespace, name }, 'merge', { data: config.data }),
    );
    return config.data.value;
  }

  #ensureDaemonSet(client: Client): string {
    const name = 'everywhere';
    const { acknowledged, possible } = this.#entry(resources.daemonSets, name);
    if (acknowledged !== undefined || possible.size > 0) return this.#changeConfig(client);
    const labels = { app: name };
    const set: KubeObject = {
      metadata: { name, namespace },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'web:1' }] } },
      },
    };
    this.#write(resources.daemonSets, name, 'web:1', () => client.create(resources.daemonSets, set));
    return `create daemonset ${name}`;
  }

  #deployment(name: string): Deployment {
    const labels = { app: name };
    const spec = { replicas: Math.floor(this.#random.fraction() * 5), selector: { matchLabels: labels } };
    const template = { metadata: { labels }, spec: this.#podSpec() };
    return { metadata: { name, namespace }, spec: { ...spec, template } } as unknown as Deployment;
  }

  #pod(name: string): Pod {
    const spec =
      name === 'job'
        ? { restartPolicy: 'OnFailure', containers: [{ name: 'main', image: 'job:1' }] }
        : { ...this.#resizable(this.#podSpec()), tolerations: [] };
    return { metadata: { name, namespace }, spec } as unknown as Pod;
  }

  #resizable(spec: JsonObject): JsonObject {
    const [main, ...others] = spec.containers as JsonObject[];
    return { ...spec, containers: [{ ...main, resources: resourcesOf(this.#memory()) }, ...others] };
  }

  #memory(): string {
    return this.#pick(['32Mi', '48Mi', '64Mi']);
  }

  #podSpec(): JsonObject {
    const isLikely = (chance: number): boolean => this.#random.fraction() < chance;
    const config = this.#pick(names.configs);
    const usesFiles = isLikely(0.4);
    const main = {
      name: 'main',
      image: this.#image(),
      ...(isLikely(0.2)
        ? { env: [{ name: 'VALUE', valueFrom: { configMapKeyRef: { name: config, key: 'value' } } }] }
        : {}),
      ...(isLikely(0.15) ? { livenessProbe: { exec: { command: ['true'] }, periodSeconds: 10 } } : {}),
      ...(isLikely(0.15) ? { readinessProbe: { httpGet: { port: 80 }, periodSeconds: 20 } } : {}),
      ...(usesFiles ? { volumeMounts: [{ name: 'config', mountPath: '/config' }] } : {}),
    };
    return {
      terminationGracePeriodSeconds: 1 + Math.floor(this.#random.fraction() * 20),
      ...(isLikely(0.2) ? { initContainers: [{ name: 'prepare', image: 'init:1' }] } : {}),
      ...(isLikely(0.15)
        ? {
            tolerations: [
              { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 30 },
            ],
          }
        : {}),
      containers: [
        main,
        ...(isLikely(0.3) ? [{ name: 'second', image: this.#pick(['web:1', 'flaky:1', 'crashy:1']) }] : []),
      ],
      ...(usesFiles ? { volumes: [{ name: 'config', configMap: { name: config } }] } : {}),
    };
  }

  #image(): string {
    return `${this.#pick(apps)}:${1 + Math.floor(this.#random.fraction() * 3)}`;
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random.fraction() * items.length)] as T;
  }

  #entry(resource: ResourceId, name: string): Entry {
    const key = `${resource.resource}/${name}`;
    const entry = this.#entries.get(key) ?? { resource, name, acknowledged: undefined, possible: new Set<Known>() };
    this.#entries.set(key, entry);
    return entry;
  }

  /** Writes in the background: until the answer comes, the write may or may not have happened. */
  #write(resource: ResourceId, name: string, content: Known, work: () => Promise<unknown>): void {
    const entry = this.#entry(resource, name);
    entry.possible.add(content);
    work().then(
      () => {
        entry.acknowledged = content;
        entry.possible.delete(content);
      },
      (error: unknown) => {
        entry.possible.delete(content);
        if (!expectedRefusals.some((reason) => hasReason(error, reason)))
          this.#refusals.push(`${resource.resource}/${name} was refused: ${(error as Error).message}`);
      },
    );
  }

  async #read(reader: Client, { resource, name }: Entry): Promise<Known> {
    try {
      const object = await reader.get(resource, { namespace, name });
      return object.metadata.deletionTimestamp === undefined ? contentOf(object) : undefined;
    } catch (error) {
      if (hasReason(error, 'NotFound')) return undefined;
      throw new Error(`${objectKey({ metadata: { name, namespace } })} can't be read`, { cause: error });
    }
  }
}

/** The quality of service stays, whatever the amount. */
function resourcesOf(memory: string): JsonObject {
  return { requests: { memory: '16Mi' }, limits: { memory } };
}

/** What of an object users have set and nobody else may change. */
function contentOf(object: KubeObject): string {
  const { spec, data } = object as { spec?: JsonObject; data?: { value?: string } };
  if (data !== undefined) return data.value ?? '';
  const { replicas, template, containers } = (spec ?? {}) as {
    replicas?: number;
    template?: { spec: { containers: { image: string }[] } };
    containers?: { image: string; resources?: { limits?: { memory?: string } } }[];
  };
  const [main] = containers ?? [];
  if (main?.resources?.limits?.memory !== undefined) return `${main.image} ${main.resources.limits.memory}`;
  const image = template?.spec.containers[0]?.image ?? main?.image ?? '';
  return replicas === undefined ? image : `${replicas} ${image}`;
}
