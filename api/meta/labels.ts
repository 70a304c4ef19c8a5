// Label selectors, in both their forms: the text of a query and the object in a spec.
// https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
import { type FieldError, forbiddenField, invalidValue, notSupported, required } from './status.ts';

type Operator = 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';
export type Requirement = { key: string; operator: Operator; values: string[] };

/** LabelSelector as in a spec. */
export type LabelSelector = {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
};

const part = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const prefixPattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Says what is wrong with a qualified name (label or annotation key), or nothing. */
export function qualifiedNameError(key: string): string | undefined {
  const pieces = key.split('/');
  const name = pieces.at(-1) ?? '';
  if (pieces.length > 2)
    return 'a qualified name must consist of an optional DNS subdomain prefix and a name separated by "/"';
  if (pieces.length === 2 && (!prefixPattern.test(pieces[0] ?? '') || (pieces[0] ?? '').length > 253)) {
    return "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
  }
  if (name === '') return 'name part must be non-empty';
  if (name.length > 63) return 'name part must be no more than 63 bytes';
  if (!part.test(name)) {
    return "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
  }
  return undefined;
}

/** Says what is wrong with a label value, or nothing. */
export function labelValueError(value: string): string | undefined {
  if (value.length > 63) return 'must be no more than 63 bytes';
  if (value !== '' && !part.test(value)) {
    return "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
  }
  return undefined;
}

export class SelectorError extends Error {}

/**
 * Parses the text form: `app=web,tier!=db,env in (a,b),!legacy,count>3`.
 * @throws SelectorError saying what was found and what was expected
 */
export function parseLabelSelector(text: string): Requirement[] {
  const requirements: Requirement[] = [];
  if (text.trim() === '') return requirements;
  const token =
    /\s*(?:(!)\s*([^\s=!,()<>]+)|([^\s=!,()<>]+)\s*(?:(==|=|!=|>|<)\s*([^\s,()]*)|\s(in|notin)\s*\(([^()]*)\))?)\s*(,|$)/y;
  let position = 0;
  while (position < text.length || (position > 0 && text.at(position - 1) === ',')) {
    token.lastIndex = position;
    const match = token.exec(text);
    if (match === null || match[0] === '') {
      throw new SelectorError(
        `unable to parse requirement: found '${text.slice(position)}', expected: identifier, '!', or a comparison such as key=value or key in (a,b)`,
      );
    }
    requirements.push(toRequirement(match));
    position = token.lastIndex;
    if (match[8] === '') break;
  }
  return requirements;
}

function toRequirement(match: RegExpExecArray): Requirement {
  const [, negation, negatedKey, plainKey, comparison, value, setOperator, set] = match;
  const key = negatedKey ?? plainKey ?? '';
  const keyError = qualifiedNameError(key);
  if (keyError !== undefined) throw new SelectorError(`key: Invalid value: "${key}": ${keyError}`);
  let requirement: Requirement;
  if (negation !== undefined) requirement = { key, operator: 'DoesNotExist', values: [] };
  else if (setOperator !== undefined) {
    const values = (set ?? '').split(',').map((item) => item.trim());
    requirement = { key, operator: setOperator === 'in' ? 'In' : 'NotIn', values };
  } else if (comparison === undefined) requirement = { key, operator: 'Exists', values: [] };
  else {
    const operators: Record<string, Operator> = { '!=': 'NotIn', '>': 'Gt', '<': 'Lt' };
    requirement = { key, operator: operators[comparison] ?? 'In', values: [value ?? ''] };
  }
  if (
    (requirement.operator === 'Gt' || requirement.operator === 'Lt') &&
    !integerPattern.test(requirement.values[0] ?? '')
  ) {
    throw new SelectorError(
      `values[0]: Invalid value: "${requirement.values[0]}": for 'Gt', 'Lt' operators, the value must be an integer`,
    );
  }
  for (const item of requirement.values) {
    const valueError = labelValueError(item);
    if (valueError !== undefined) throw new SelectorError(`values[0][${key}]: Invalid value: "${item}": ${valueError}`);
  }
  return requirement;
}

/** Whether labels satisfy all requirements. */
export function matchesRequirements(
  requirements: readonly Requirement[],
  labels: Record<string, string> | undefined,
): boolean {
  // Own properties only: `constructor` is a label key like any other.
  const labelOf = (key: string): string | undefined =>
    labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined;
  return requirements.every((requirement) => matchesOne(requirement, labelOf(requirement.key)));
}

const integerPattern = /^[+-]?\d+$/;

function compareIntegers(
  left: string | undefined,
  right: string | undefined,
  test: (a: bigint, b: bigint) => boolean,
): boolean {
  if (left === undefined || right === undefined || !integerPattern.test(left) || !integerPattern.test(right))
    return false;
  return test(BigInt(left.replace('+', '')), BigInt(right.replace('+', '')));
}

function matchesOne({ operator, values }: Requirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return compareIntegers(value, values[0], (a, b) => a > b);
    case 'Lt':
      return compareIntegers(value, values[0], (a, b) => a < b);
  }
}

/** The requirements of a LabelSelector object; an empty selector matches everything. */
export function selectorRequirements(selector: LabelSelector): Requirement[] {
  const fromLabels = Object.entries(selector.matchLabels ?? {}).map(
    ([key, value]): Requirement => ({ key, operator: 'In', values: [value] }),
  );
  const fromExpressions = (selector.matchExpressions ?? []).map(
    (expression): Requirement => ({
      key: expression.key,
      operator: expression.operator as Operator,
      values: expression.values ?? [],
    }),
  );
  return [...fromLabels, ...fromExpressions];
}

/** Whether a LabelSelector object selects these labels; an absent selector selects nothing. */
export function matchesSelector(
  selector: LabelSelector | undefined,
  labels: Record<string, string> | undefined,
): boolean {
  return selector !== undefined && matchesRequirements(selectorRequirements(selector), labels);
}

/** The text form of a LabelSelector object, as Scale's status carries it. */
export function formatSelector(selector: LabelSelector | undefined): string {
  return selectorRequirements(selector ?? {})
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ key, operator, values }) => {
      const list = [...values].sort().join(',');
      if (operator === 'In') return values.length === 1 ? `${key}=${list}` : `${key} in (${list})`;
      if (operator === 'NotIn') return `${key} notin (${list})`;
      return operator === 'Exists' ? key : `!${key}`;
    })
    .join(',');
}

/** Checks a LabelSelector object found at `field`. */
export function validateSelector(selector: LabelSelector, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    const keyError = qualifiedNameError(key);
    if (keyError !== undefined) errors.push(invalidValue(`${field}.matchLabels`, key, keyError));
    const valueError = labelValueError(value);
    if (valueError !== undefined) errors.push(invalidValue(`${field}.matchLabels`, value, valueError));
  }
  selector.matchExpressions?.forEach((expression, index) => {
    const path = `${field}.matchExpressions[${index}]`;
    const needsValues = expression.operator === 'In' || expression.operator === 'NotIn';
    if (!needsValues && expression.operator !== 'Exists' && expression.operator !== 'DoesNotExist') {
      errors.push(notSupported(`${path}.operator`, expression.operator, ['In', 'NotIn', 'Exists', 'DoesNotExist']));
    } else if (needsValues && (expression.values ?? []).length === 0) {
      errors.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    } else if (!needsValues && (expression.values ?? []).length > 0) {
      errors.push(
        forbiddenField(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
      );
    }
    expression.values?.forEach((value, position) => {
      const valueError = labelValueError(value);
      if (valueError !== undefined) errors.push(invalidValue(`${path}.values[${position}]`, value, valueError));
    });
    const keyError = qualifiedNameError(expression.key);
    if (keyError !== undefined) errors.push(invalidValue(`${path}.key`, expression.key, keyError));
  });
  return errors;
}
