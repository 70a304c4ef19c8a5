// Sets of field paths: what a manager owns. A path is a chain of elements, each
// a field (`f:name`), a list item by its keys (`k:{...}`) or by its value (`v:...`).
// https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
import { isJsonObject, type JsonObject } from '../../meta/object.ts';

/** One step of a path, written as in FieldsV1. */
export type PathElement = string;

export class FieldSet {
  /** Elements that are in the set themselves. */
  readonly members = new Set<PathElement>();
  /** What is in the set below an element. */
  readonly children = new Map<PathElement, FieldSet>();

  isEmpty(): boolean {
    return this.members.size === 0 && this.children.size === 0;
  }

  /** Adds what lies below an element, unless that is nothing. */
  addChild(element: PathElement, child: FieldSet): void {
    if (!child.isEmpty()) this.children.set(element, child);
  }

  /** The set below an element, made when there is none. */
  childAt(element: PathElement): FieldSet {
    let child = this.children.get(element);
    if (child === undefined) {
      child = new FieldSet();
      this.children.set(element, child);
    }
    return child;
  }

  union(other: FieldSet): FieldSet {
    const result = new FieldSet();
    for (const set of [this, other]) for (const member of set.members) result.members.add(member);
    for (const element of new Set([...this.children.keys(), ...other.children.keys()])) {
      const [a, b] = [this.children.get(element), other.children.get(element)];
      result.addChild(element, a === undefined || b === undefined ? ((a ?? b) as FieldSet) : a.union(b));
    }
    return result;
  }

  /** Whether any path is in both. */
  overlaps(other: FieldSet): boolean {
    for (const member of this.members) if (other.members.has(member)) return true;
    for (const [element, child] of this.children)
      if (other.children.get(element)?.overlaps(child) === true) return true;
    return false;
  }

  intersection(other: FieldSet): FieldSet {
    const result = new FieldSet();
    for (const member of this.members) if (other.members.has(member)) result.members.add(member);
    for (const [element, child] of this.children) {
      const match = other.children.get(element);
      if (match !== undefined) result.addChild(element, child.intersection(match));
    }
    return result;
  }

  /** What is here and, path by path, not there. */
  difference(other: FieldSet): FieldSet {
    const result = new FieldSet();
    for (const member of this.members) if (!other.members.has(member)) result.members.add(member);
    for (const [element, child] of this.children) {
      const match = other.children.get(element);
      result.addChild(element, match === undefined ? child : child.difference(match));
    }
    return result;
  }

  /** What is here and neither there nor below anything there. */
  recursiveDifference(other: FieldSet): FieldSet {
    const result = new FieldSet();
    for (const member of this.members) if (!other.members.has(member)) result.members.add(member);
    for (const [element, child] of this.children) {
      if (other.members.has(element)) continue;
      const match = other.children.get(element);
      result.addChild(element, match === undefined ? child : child.recursiveDifference(match));
    }
    return result;
  }

  equals(other: FieldSet): boolean {
    return this.difference(other).isEmpty() && other.difference(this).isEmpty();
  }

  /** Every path in the set: of one node first its members, then what is below, both in order. */
  *paths(prefix: readonly PathElement[] = []): Generator<PathElement[]> {
    for (const member of [...this.members].sort(compareElements)) yield [...prefix, member];
    for (const element of [...this.children.keys()].sort(compareElements))
      yield* (this.children.get(element) as FieldSet).paths([...prefix, element]);
  }

  /** As FieldsV1. */
  toFields(): JsonObject {
    const fields: JsonObject = {};
    for (const element of [...new Set([...this.members, ...this.children.keys()])].sort(compareElements)) {
      const child = this.children.get(element)?.toFields() ?? {};
      fields[element] = this.members.has(element) && this.children.has(element) ? { '.': {}, ...child } : child;
    }
    return fields;
  }

  /** From FieldsV1; elements of unknown form are left out. */
  static fromFields(fields: unknown): FieldSet {
    const set = new FieldSet();
    for (const [element, below] of Object.entries(isJsonObject(fields) ? fields : {})) {
      if (!/^[fkvi]:/.test(element) || !isJsonObject(below)) continue;
      const known = normalizeElement(element);
      if (known === undefined) continue;
      const child = FieldSet.fromFields(below);
      if ('.' in below || child.isEmpty()) set.members.add(known);
      set.addChild(known, child);
    }
    return set;
  }

  /** The set of these paths. */
  static of(...paths: (readonly PathElement[])[]): FieldSet {
    const root = new FieldSet();
    for (const path of paths) {
      let set = root;
      for (const element of path.slice(0, -1)) set = set.childAt(element);
      const last = path.at(-1);
      if (last !== undefined) set.members.add(last);
    }
    return root;
  }
}

export function fieldElement(name: string): PathElement {
  return `f:${name}`;
}

/** JSON as Go writes it, with what could end a script written as an escape. */
export function goJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

export function keyElement(keys: JsonObject): PathElement {
  const sorted = Object.entries(keys).sort(([a], [b]) => (a < b ? -1 : 1));
  return `k:${goJson(Object.fromEntries(sorted))}`;
}

export function valueElement(value: unknown): PathElement {
  return `v:${goJson(value)}`;
}

/** Brings the keys of a `k:` element into order; undefined when it can't be read. */
function normalizeElement(element: PathElement): PathElement | undefined {
  if (element.startsWith('f:')) return element;
  try {
    const value: unknown = JSON.parse(element.slice(2));
    if (element.startsWith('v:')) return valueElement(value);
    if (element.startsWith('i:')) return element;
    return isJsonObject(value) ? keyElement(value) : undefined;
  } catch {
    return undefined;
  }
}

const kindOrder = 'fkvi';

/** Order of elements: fields by name, then items by their keys, then by value. */
function compareElements(a: PathElement, b: PathElement): number {
  if (a[0] !== b[0]) return kindOrder.indexOf(a[0] ?? '') - kindOrder.indexOf(b[0] ?? '');
  if (a.startsWith('f:')) return compareText(a, b);
  const [left, right] = [a, b].map((element): unknown => JSON.parse(element.slice(2)));
  if (!isJsonObject(left) || !isJsonObject(right)) return compareValues(left, right);
  const [leftKeys, rightKeys] = [Object.entries(left), Object.entries(right)];
  for (const [index, [name, value]] of leftKeys.entries()) {
    const other = rightKeys[index];
    if (other === undefined) return 1;
    const order = compareText(name, other[0]) || compareValues(value, other[1]);
    if (order !== 0) return order;
  }
  return leftKeys.length - rightKeys.length;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function rank(value: unknown): number {
  return ['number', 'string', 'boolean'].indexOf(typeof value);
}

function compareValues(a: unknown, b: unknown): number {
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return compareText(String(a), String(b));
}

/** A path as conflicts show it: `.spec.containers[name="nginx"].image`. */
export function formatPath(path: readonly PathElement[]): string {
  return path.map(formatElement).join('');
}

export function formatElement(element: PathElement): string {
  if (element.startsWith('f:')) return `.${element.slice(2)}`;
  const value: unknown = JSON.parse(element.slice(2));
  if (!isJsonObject(value)) return element.startsWith('i:') ? `[${value}]` : `[=${JSON.stringify(value)}]`;
  return `[${Object.entries(value)
    .map(([name, item]) => `${name}=${JSON.stringify(item)}`)
    .join(',')}]`;
}
