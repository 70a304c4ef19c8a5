// Whether an applied configuration fits its type: every field known, every value
// of the right form, no item of a list twice. All that is wrong is said at once.
import { isJsonObject, type JsonObject } from '../../meta/object.ts';
import { PatchError } from '../patch-error.ts';
import { fieldElement, formatElement, type PathElement } from './field-set.ts';
import { elementOf, type Shape, shapeOfEntry } from './shape.ts';

/** @throws PatchError with the path of each field that does not fit */
export function validateConfiguration(value: unknown, shape: Shape): void {
  const problems: string[] = [];
  validate(value, shape, '', problems);
  if (problems.length === 1) throw new PatchError(problems[0] as string);
  if (problems.length > 1) throw new PatchError(['errors:', ...problems.sort().map((line) => `  ${line}`)].join('\n'));
}

function validate(value: unknown, shape: Shape, path: string, problems: string[]): void {
  // Null fits everything: it is a wish that nothing be there.
  if (value === null) return;
  if (shape.form === 'struct' || shape.form === 'map') validateEntries(value, shape, path, problems);
  else if (shape.form === 'list' || shape.form === 'set') validateItems(value, shape, path, problems);
  else if (typeof shape.content === 'string') validateScalar(value, shape.content, path, problems);
  else if ('parts' in shape.content) validate(value, shape.content.parts, path, problems);
  else if (!Array.isArray(value)) problems.push(`${path}: expected list, got ${describe(value)}`);
  else {
    const { items } = shape.content;
    value.forEach((item, index) => void validate(item, items, `${path}[${index}]`, problems));
  }
}

function validateEntries(
  value: unknown,
  shape: Extract<Shape, { form: 'struct' | 'map' }>,
  path: string,
  problems: string[],
): void {
  if (!isJsonObject(value)) {
    problems.push(`${path}: expected map, got ${describe(value)}`);
    return;
  }
  for (const [name, item] of Object.entries(value)) {
    const entry = shapeOfEntry(shape, name);
    const at = path + formatElement(fieldElement(name));
    if (entry === undefined) problems.push(`${at}: field not declared in schema`);
    else validate(item, entry, at, problems);
  }
}

function validateItems(
  value: unknown,
  shape: Extract<Shape, { form: 'list' | 'set' }>,
  path: string,
  problems: string[],
): void {
  if (!Array.isArray(value)) {
    problems.push(`${path}: expected list, got ${describe(value)}`);
    return;
  }
  const seen = new Set<PathElement>();
  for (const [index, item] of value.entries()) {
    let element: PathElement;
    try {
      element = elementOf(shape, item, index);
    } catch (error) {
      if (!(error instanceof PatchError)) throw error;
      problems.push(`${path}: ${error.message}`);
      return;
    }
    const place = formatElement(element);
    if (seen.has(element)) problems.push(`${path}: duplicate entries for key ${place}`);
    seen.add(element);
    validate(item, shape.element, path + place, problems);
  }
}

const expectations = { text: 'string', number: 'numeric (int or float)', boolean: 'boolean', scalar: 'any scalar' };

function validateScalar(
  value: unknown,
  content: keyof typeof expectations | 'anything',
  path: string,
  problems: string[],
): void {
  if (content === 'anything') return;
  const type = content === 'text' ? 'string' : content;
  const fits = content === 'scalar' ? typeof value !== 'object' : typeof value === type;
  if (!fits) problems.push(`${path}: expected ${expectations[content]}, got ${describe(value)}`);
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'list';
  if (isJsonObject(value as JsonObject)) return 'map';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}
