// Going over from client-side to server-side apply: what `kubectl apply` noted in
// its annotation, it may change without a conflict, and the note is kept up to date.
// https://kubernetes.io/docs/reference/using-api/server-side-apply/#upgrading-from-client-side-apply-to-server-side-apply
import { isJsonObject, type JsonObject, type KubeObject } from '../../meta/object.ts';
import { PatchError } from '../patch-error.ts';
import { type FieldSet, goJson } from './field-set.ts';
import type { Shape } from './shape.ts';
import { compareValues, fieldsOf } from './typed-values.ts';
import { validateConfiguration } from './validation.ts';

const annotation = 'kubectl.kubernetes.io/last-applied-configuration';
/** Only kubectl's own applies are upgraded. */
export const upgradedManager = 'kubectl';
/** https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/ */
const maxAnnotationsBytes = 256 * 1024;

function noteOf(object: KubeObject): string | undefined {
  const { annotations } = object.metadata;
  return isJsonObject(annotations) && annotations[annotation] ? String(annotations[annotation]) : undefined;
}

/** Fields that client-side apply set and that still are as it set them; undefined when there is no usable note. */
export function fieldsLastApplied(live: KubeObject, apiVersion: string, shape: Shape): FieldSet | undefined {
  const note = noteOf(live);
  if (note === undefined) return undefined;
  try {
    const applied: unknown = JSON.parse(note);
    if (!isJsonObject(applied) || applied.apiVersion !== apiVersion || !applied.kind) return undefined;
    validateConfiguration(applied, shape);
    validateConfiguration(live, shape);
    const { added, modified, removed } = compareValues(applied, live, shape);
    return fieldsOf(applied, shape).difference(modified).difference(added).difference(removed);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof PatchError) return undefined;
    throw error;
  }
}

/** The applied object, its note about client-side apply brought up to date when it has one. */
export function withNote(object: KubeObject, configuration: KubeObject): KubeObject {
  if (noteOf(object) === undefined) return object;
  const annotations = { ...object.metadata.annotations, [annotation]: `${sortedJson(withoutNote(configuration))}\n` };
  if (new TextEncoder().encode(Object.entries(annotations).flat().join('')).length > maxAnnotationsBytes) {
    const { [annotation]: _note, ...others } = annotations;
    return { ...object, metadata: { ...object.metadata, annotations: others } };
  }
  return { ...object, metadata: { ...object.metadata, annotations } };
}

function withoutNote(configuration: KubeObject): JsonObject {
  const { annotations } = configuration.metadata;
  if (!isJsonObject(annotations) || !(annotation in annotations)) return configuration;
  const { [annotation]: _note, ...others } = annotations;
  return { ...configuration, metadata: { ...configuration.metadata, annotations: others } };
}

/** JSON as Go writes maps: keys in order. */
function sortedJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sortedJson).join(',')}]`;
  if (!isJsonObject(value)) return goJson(value);
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${goJson(key)}:${sortedJson(value[key])}`).join(',')}}`;
}
