// ControllerRevisions: the templates that a DaemonSet or StatefulSet has had,
// so that `kubectl rollout undo` finds the way back.
// https://kubernetes.io/docs/tasks/manage-daemon/rollback-daemon-set/#understanding-daemonset-revisions
import type { ControllerRevision, DaemonSet, StatefulSet } from '../../api/meta/kubernetes.ts';
import { controllerReference } from '../../api/meta/object.ts';
import type { ControllerParts } from '../client/controller-parts.ts';
import { resources } from '../client/resources.ts';
import { isOwnedBy } from './pods.ts';
import { revisionHashLabel } from './template-hash.ts';

/** The present template's revision, `name`, has the highest number; the oldest beyond the limit go. */
export async function keepHistory(
  { client, informers }: Pick<ControllerParts, 'client' | 'informers'>,
  set: DaemonSet | StatefulSet,
  kind: 'DaemonSet' | 'StatefulSet',
  hash: string,
  name: string,
): Promise<void> {
  const history = informers
    .for(resources.controllerRevisions)
    .all()
    .filter((revision) => isOwnedBy(revision, set)) as ControllerRevision[];
  history.sort((a, b) => a.revision - b.revision);
  const current = history.find((revision) => revision.metadata.labels?.[revisionHashLabel] === hash);
  const highest = history.at(-1)?.revision ?? 0;
  if (current === undefined) {
    const metadata = {
      name,
      namespace: set.metadata.namespace ?? '',
      labels: {
        ...(set.spec?.template.metadata?.labels as Record<string, string> | undefined),
        [revisionHashLabel]: hash,
      },
      annotations: { ...set.metadata.annotations },
      ownerReferences: [controllerReference(set, 'apps/v1', kind)],
    };
    const data = { spec: { template: { $patch: 'replace', ...set.spec?.template } } };
    await client.create(resources.controllerRevisions, { metadata, data, revision: highest + 1 });
  } else if (current.revision !== highest) {
    await client.patch(resources.controllerRevisions, current.metadata, 'merge', { revision: highest + 1 });
  }
  const surplus = history.filter((revision) => revision !== current).slice(0, -(set.spec?.revisionHistoryLimit ?? 10));
  for (const revision of surplus) await client.delete(resources.controllerRevisions, revision.metadata);
}
