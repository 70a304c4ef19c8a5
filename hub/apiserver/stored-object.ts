// Objects as they are in the store: JSON text that begins with the metadata,
// without apiVersion, kind and resourceVersion. Those three are put in front
// when it is served, so that an unchanged object is sent without parsing it.
// Kinds that are another's second form are converted on their way in and out.
import { apiVersionOf, type Kind } from '../../api/kinds/kind.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import type { Entry } from '../store/store.ts';

const opening = '{"metadata":{';

/** `/registry/GROUP/RESOURCE/`; the core group is called `core`. */
export function resourcePrefix(served: Kind): string {
  const kind = served.storage?.kind() ?? served;
  return `/registry/${kind.group === '' ? 'core' : kind.group}/${kind.plural}/`;
}

/** The prefix of a namespace's objects, or of all. */
export function listPrefix(kind: Kind, namespace: string | undefined): string {
  return resourcePrefix(kind) + (kind.namespaced && namespace !== undefined && namespace !== '' ? `${namespace}/` : '');
}

export function objectStoreKey(kind: Kind, namespace: string | undefined, name: string): string {
  return listPrefix(kind, namespace) + name;
}

/** The text that is stored. */
export function encodeStored(kind: Kind, object: KubeObject): string {
  const { apiVersion: _apiVersion, kind: _kind, metadata, ...rest } = kind.storage?.toStored(object) ?? object;
  const { resourceVersion: _resourceVersion, ...storedMetadata } = metadata;
  return JSON.stringify({ metadata: storedMetadata, ...rest });
}

/** JSON text of a stored value as of a revision. */
export function servedText(kind: Kind, value: string, revision: number): string {
  if (kind.storage !== undefined) return JSON.stringify(decodeValue(kind, value, revision));
  return textOf(kind, value, revision);
}

function textOf(kind: Kind, value: string, revision: number): string {
  return `{"kind":"${kind.kind}","apiVersion":"${apiVersionOf(kind)}","metadata":{"resourceVersion":"${revision}",${value.slice(opening.length)}`;
}

/** The object that an entry holds; a new one at each call. */
export function decodeStored(kind: Kind, entry: Entry): KubeObject {
  return decodeValue(kind, entry.value, entry.modRevision);
}

function decodeValue(kind: Kind, value: string, revision: number): KubeObject {
  const object = JSON.parse(textOf(kind, value, revision)) as KubeObject;
  return kind.storage?.fromStored(object) ?? object;
}
