// Label and field selectors of a request, as one predicate over objects.
import type { Kind } from '../../api/kinds/kind.ts';
import {
  FieldSelectorError,
  type FieldTerm,
  matchesFields,
  parseFieldSelector,
} from '../../api/meta/field-selector.ts';
import { matchesRequirements, parseLabelSelector, type Requirement, SelectorError } from '../../api/meta/labels.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import type { Operation } from '../../api/meta/operation.ts';
import { badRequest } from '../../api/meta/status.ts';

export type Selection = {
  /** True when every object is selected. */
  all: boolean;
  /** The one name that is selected, when the selection is by name alone. */
  onlyName: string | undefined;
  matches: (object: KubeObject) => boolean;
};

/** @throws ApiError BadRequest naming the selector and what is wrong with it */
export function parseSelection(operation: Operation, kind: Kind): Selection {
  const { labelSelector = '', fieldSelector = '' } = operation.query;
  const requirements = parseLabels(labelSelector);
  const terms = parseFields(fieldSelector, kind);
  // A watch or delete of one object by its path selects that name.
  if (operation.name !== undefined) terms.push({ field: 'metadata.name', equal: true, value: operation.name });
  const nameTerm = terms.length === 1 && requirements.length === 0 ? terms[0] : undefined;
  return {
    all: requirements.length === 0 && terms.length === 0,
    onlyName: nameTerm?.field === 'metadata.name' && nameTerm.equal ? nameTerm.value : undefined,
    matches: (object) =>
      matchesRequirements(requirements, object.metadata.labels) &&
      (terms.length === 0 || matchesFields(terms, fieldsOf(kind, object))),
  };
}

function parseLabels(text: string): Requirement[] {
  try {
    return parseLabelSelector(text);
  } catch (error) {
    if (error instanceof SelectorError) throw badRequest(`labelSelector: ${error.message}`, error);
    throw error;
  }
}

function parseFields(text: string, kind: Kind): FieldTerm[] {
  try {
    const terms = parseFieldSelector(text);
    const probe = { metadata: { name: '', namespace: '' }, spec: {}, status: {} };
    const known = Object.keys(fieldsOf(kind, probe));
    const unknown = terms.find((term) => !known.includes(term.field));
    if (unknown !== undefined)
      throw badRequest(`field label not supported: ${unknown.field} (${kind.plural} have: ${known.join(', ')})`);
    return terms;
  } catch (error) {
    if (error instanceof FieldSelectorError) throw badRequest(`fieldSelector: ${error.message}`, error);
    throw error;
  }
}

function fieldsOf(kind: Kind, object: KubeObject): Record<string, string> {
  return {
    'metadata.name': object.metadata.name,
    ...(kind.namespaced ? { 'metadata.namespace': object.metadata.namespace ?? '' } : {}),
    ...kind.selectableFields?.(object),
  };
}
