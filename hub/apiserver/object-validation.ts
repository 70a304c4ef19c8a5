// Validation of what all objects have in common, then of the kind.
import type { Kind } from '../../api/kinds/kind.ts';
import { labelValueError, qualifiedNameError } from '../../api/meta/labels.ts';
import { dnsLabelError } from '../../api/meta/names.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { type FieldError, invalid, invalidValue, required, tooLong } from '../../api/meta/status.ts';
import { enumErrors } from '../../api/schema/enum-errors.ts';

/** Most bytes of all annotations of an object together. */
const maxAnnotationBytes = 256 << 10;

/** What an object is checked against: that it is new, or what it was; a subresource may change what is fixed else. */
type Against = 'creation' | { old: KubeObject; isSubresource: boolean };

/** @throws ApiError Invalid listing every wrong field */
export function validateObject(kind: Kind, object: KubeObject, against: Against): void {
  let errors = contentErrors(kind, object);
  if (against === 'creation') errors.push(...(kind.validateCreate?.(object) ?? []));
  else {
    // What an older hub let pass does not keep anybody from changing the rest, or a node from reporting.
    if (errors.length > 0) errors = newErrors(errors, contentErrors(kind, against.old));
    if (!against.isSubresource) errors.push(...(kind.validateUpdate?.(object, against.old) ?? []));
  }
  if (errors.length > 0) throw invalid(kind.kind, kind.group, object.metadata.name, errors);
}

/** What is wrong with an object by itself. */
function contentErrors(kind: Kind, object: KubeObject): FieldError[] {
  const errors = [...validateMetadata(kind, object), ...(kind.validate?.(object) ?? [])];
  // What the kind has said of a field is not said twice.
  const said = new Set(errors.map(({ field }) => field));
  return [...errors, ...enumErrors(object, kind.typeId).filter(({ field }) => !said.has(field))];
}

function newErrors(errors: readonly FieldError[], known: readonly FieldError[]): FieldError[] {
  const texts = new Set(known.map(({ field, message }) => `${field}: ${message}`));
  return errors.filter(({ field, message }) => !texts.has(`${field}: ${message}`));
}

function validateMetadata(kind: Kind, { metadata }: KubeObject): FieldError[] {
  const errors: FieldError[] = [];
  if (metadata.name === '') errors.push(required('metadata.name', 'name or generateName is required'));
  else {
    const problem = kind.nameError(metadata.name);
    if (problem !== undefined) errors.push(invalidValue('metadata.name', metadata.name, problem));
  }
  if (kind.namespaced) {
    const problem = dnsLabelError(metadata.namespace ?? '');
    if (problem !== undefined) errors.push(invalidValue('metadata.namespace', metadata.namespace ?? '', problem));
  }
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    const keyProblem = qualifiedNameError(key);
    if (keyProblem !== undefined) errors.push(invalidValue('metadata.labels', key, keyProblem));
    const valueProblem = labelValueError(value);
    if (valueProblem !== undefined) errors.push(invalidValue('metadata.labels', value, valueProblem));
  }
  let annotationBytes = 0;
  for (const [key, value] of Object.entries(metadata.annotations ?? {})) {
    annotationBytes += Buffer.byteLength(key) + Buffer.byteLength(value);
    const problem = qualifiedNameError(key.toLowerCase());
    if (problem !== undefined) errors.push(invalidValue('metadata.annotations', key, problem));
  }
  if (annotationBytes > maxAnnotationBytes) {
    errors.push(tooLong('metadata.annotations', maxAnnotationBytes));
  }
  errors.push(...validateReferences(metadata));
  return errors;
}

function validateReferences(metadata: KubeObject['metadata']): FieldError[] {
  const errors: FieldError[] = [];
  metadata.ownerReferences?.forEach((reference, index) => {
    for (const field of ['apiVersion', 'kind', 'name', 'uid'] as const) {
      if (!reference[field]) errors.push(required(`metadata.ownerReferences[${index}].${field}`));
    }
  });
  if ((metadata.ownerReferences ?? []).filter((reference) => reference.controller === true).length > 1) {
    errors.push(
      invalidValue(
        'metadata.ownerReferences',
        metadata.ownerReferences,
        'only one reference can have Controller set to true',
      ),
    );
  }
  metadata.finalizers?.forEach((finalizer, index) => {
    const problem = qualifiedNameError(finalizer);
    if (problem !== undefined) errors.push(invalidValue(`metadata.finalizers[${index}]`, finalizer, problem));
  });
  return errors;
}
