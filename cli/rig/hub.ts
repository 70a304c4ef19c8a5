// What a rig wants of the hub: that its devices may join, that they are Ready, and
// that it forgets them when the rig is taken down.
import { setTimeout as delay } from 'node:timers/promises';
import { callApi, type Kubeconfig } from '../api.ts';
import { CommandError } from '../errors.ts';
import { readyPollMs } from './limits.ts';

type NodeList = {
  items: { metadata: { name: string }; status?: { conditions?: { type: string; status: string }[] } }[];
};

/** Names of the nodes that the hub has, and whether they are Ready. */
async function readNodes(hub: Kubeconfig): Promise<Map<string, boolean>> {
  const { body } = await callApi(hub, 'GET', '/api/v1/nodes');
  const { items } = body as NodeList;
  return new Map(
    items.map(({ metadata, status }) => [
      metadata.name,
      status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true,
    ]),
  );
}

/** @throws CommandError when the hub has nodes of these names, which other devices are */
export async function checkNamesFree(hub: Kubeconfig, names: readonly string[]): Promise<void> {
  const nodes = await readNodes(hub);
  const taken = names.filter((name) => nodes.has(name));
  if (taken.length > 0)
    throw new CommandError(
      `the hub has a node ${taken[0]}, which is no device of this rig: choose another --name-prefix`,
    );
}

/** Calls `tell` for each as it becomes Ready. @throws CommandError naming those that do not in time */
export async function waitReady(
  hub: Kubeconfig,
  names: readonly string[],
  { timeoutMs, tell }: { timeoutMs: number; tell: (name: string) => void },
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  const waiting = new Set(names);
  for (;;) {
    const nodes = await readNodes(hub);
    for (const name of [...waiting])
      if (nodes.get(name) === true) {
        waiting.delete(name);
        tell(name);
      }
    if (waiting.size === 0) return;
    if (performance.now() > deadline)
      throw new CommandError(
        `${[...waiting].join(', ')}: not Ready after ${Math.round(timeoutMs / 1000)} s (see skerry rig console NAME)`,
      );
    await delay(readyPollMs);
  }
}

/** Devices that are no more are no nodes either. */
export async function forgetNodes(hub: Kubeconfig, names: readonly string[]): Promise<void> {
  const nodes = await readNodes(hub);
  for (const name of names.filter((item) => nodes.has(item))) await callApi(hub, 'DELETE', `/api/v1/nodes/${name}`);
}
