// Field selectors: `metadata.name=x,spec.nodeName!=y`.
// https://kubernetes.io/docs/concepts/overview/working-with-objects/field-selectors/

export type FieldTerm = { field: string; equal: boolean; value: string };

export class FieldSelectorError extends Error {}

/**
 * Parses the text form. A backslash escapes `,`, `=` and itself.
 * @throws FieldSelectorError naming the term that is no comparison
 */
export function parseFieldSelector(text: string): FieldTerm[] {
  if (text.trim() === '') return [];
  return splitTerms(text).flatMap((term) => {
    if (term === '') return [];
    const match = /^([^=!]+)(==|!=|=)((?:\\[\\,=]|[^\\,=])*)$/.exec(term);
    if (match === null)
      throw new FieldSelectorError(
        `invalid field selector "${term}"; can't understand it: expected field=value or field!=value`,
      );
    return [{ field: match[1] ?? '', equal: match[2] !== '!=', value: (match[3] ?? '').replace(/\\(.)/g, '$1') }];
  });
}

/** Splits at commas that no backslash escapes. */
function splitTerms(text: string): string[] {
  const terms: string[] = [''];
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index] ?? '';
    if (character === ',') terms.push('');
    else terms.push(`${terms.pop()}${character === '\\' ? text.slice(index, ++index + 1) : character}`);
  }
  return terms;
}

/** Whether the fields (path to value, absent ones count as empty) satisfy all terms. */
export function matchesFields(terms: readonly FieldTerm[], fields: Record<string, string>): boolean {
  return terms.every(
    (term) => ((Object.hasOwn(fields, term.field) ? fields[term.field] : '') === term.value) === term.equal,
  );
}
