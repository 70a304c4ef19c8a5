// Gives each node a range of pod addresses (spec.podCIDR) of its own.
import type { Node } from '../../../api/meta/kubernetes.ts';
import type { Random } from '../../../platform/random.ts';
import type { Controller, ControllerParts } from '../../client/controller-parts.ts';
import { targetOf } from '../../client/event-recorder.ts';
import { resources } from '../../client/resources.ts';
import { WorkQueue } from '../../client/work-queue.ts';

export type Cidr = { base: number; bits: number };

/** Length of a node's prefix: 254 addresses, for at most 110 pods. */
const nodeBits = 24;

/** @throws Error when the text is no IPv4 range of at least one node */
export function parseCidr(text: string): Cidr {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  const octets = (match ?? []).slice(1, 5).map(Number);
  const bits = Number(match?.[5]);
  if (match === null || octets.some((octet) => octet > 255) || bits > nodeBits || bits < 8) {
    throw new Error(
      `cluster CIDR: expected an IPv4 range such as 10.128.0.0/9, at most /${nodeBits}, found ${JSON.stringify(text)}`,
    );
  }
  const base = octets.reduce((value, octet) => value * 256 + octet, 0);
  return { base: base - (base % 2 ** (32 - bits)), bits };
}

/** The range of the node at `index`. */
function nodeCidr({ base }: Cidr, index: number): string {
  const address = base + index * 2 ** (32 - nodeBits);
  return `${[24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.')}/${nodeBits}`;
}

/**
 * A free range, or undefined when none is left. The search begins anywhere, so that
 * two clusters whose nodes share a machine do not give out the same ranges.
 */
export function chooseNodeCidr(cluster: Cidr, used: ReadonlySet<string>, random: Random): string | undefined {
  const count = 2 ** (nodeBits - cluster.bits);
  const start = Math.floor(random.fraction() * count);
  for (let offset = 0; offset < count; offset += 1) {
    const candidate = nodeCidr(cluster, (start + offset) % count);
    if (!used.has(candidate)) return candidate;
  }
  return undefined;
}

export class NodeIpamController implements Controller {
  #cluster: Cidr;
  #parts: ControllerParts & { random: Random };
  #queue: WorkQueue;

  constructor(options: { clusterCidr: string }, parts: ControllerParts & { random: Random }) {
    this.#cluster = parseCidr(options.clusterCidr);
    this.#parts = parts;
    // One key for all nodes: ranges are given out one after the other.
    this.#queue = new WorkQueue('node-ipam', () => this.#reconcile(), parts);
    parts.informers.for(resources.nodes);
  }

  start(signal: AbortSignal): void {
    this.#parts.informers.for(resources.nodes).subscribe(({ object }) => {
      if (object !== undefined && (object as Node).spec?.podCIDR === undefined) this.#queue.add('nodes');
    });
    this.#queue.start(signal);
  }

  async #reconcile(): Promise<void> {
    const { informers, client, events, random } = this.#parts;
    const nodes = informers.for(resources.nodes).all() as Node[];
    const used = new Set(nodes.flatMap((node) => node.spec?.podCIDR ?? []));
    for (const node of nodes.filter((candidate) => !candidate.spec?.podCIDR)) {
      const podCIDR = chooseNodeCidr(this.#cluster, used, random);
      if (podCIDR === undefined) {
        events.record(
          targetOf(node, 'v1', 'Node'),
          'Warning',
          'CIDRNotAvailable',
          'No pod address range is left: start the hub with a larger --cluster-cidr',
        );
        continue;
      }
      used.add(podCIDR);
      await client.patch(resources.nodes, node.metadata, 'merge', { spec: { podCIDR, podCIDRs: [podCIDR] } });
    }
  }
}
