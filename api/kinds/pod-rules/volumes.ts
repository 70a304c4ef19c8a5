// Volumes of pods: one source each, and what the sources that a node can mount need to say.
// https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/volume/
import type { Container, PodSpec } from '../../meta/kubernetes.ts';
import { dnsLabelError } from '../../meta/names.ts';
import { isJsonObject, type JsonObject } from '../../meta/object.ts';
import { duplicate, type FieldError, forbiddenField, invalidValue, required } from '../../meta/status.ts';
import { fieldRefErrors, resourceFieldRefErrors, volumeFields } from './environment.ts';

type Volume = NonNullable<PodSpec['volumes']>[number];
type Mount = NonNullable<Container['volumeMounts']>[number];
type KeyToPath = { key?: string; path?: string; mode?: number };

const maxMode = 0o777;
const minTokenSeconds = 600;
/** What a source can't do without, by source. */
const neededFields: Record<string, readonly string[]> = {
  hostPath: ['path'],
  secret: ['secretName'],
  configMap: ['name'],
  persistentVolumeClaim: ['claimName'],
  nfs: ['server', 'path'],
  csi: ['driver'],
};

function modeErrors(mode: number | undefined, field: string): FieldError[] {
  if (mode === undefined || (mode >= 0 && mode <= maxMode)) return [];
  return [invalidValue(field, mode, 'must be a number between 0 and 0777 (octal), both inclusive')];
}

/** A path that stays below where it starts. */
function descendingErrors(path: string, field: string): FieldError[] {
  const errors = path.startsWith('/') ? [invalidValue(field, path, 'must be a relative path')] : [];
  return path.split('/').includes('..') ? [...errors, invalidValue(field, path, "must not contain '..'")] : errors;
}

/** A path of a file that a volume makes: names that begin with two dots are its own. */
function fileErrors(path: string | undefined, field: string): FieldError[] {
  if (!path) return [required(field)];
  const errors = descendingErrors(path, field);
  if (path.startsWith('..') && !path.startsWith('../') && path !== '..')
    errors.push(invalidValue(field, path, "must not start with '..'"));
  return errors;
}

function keyErrors(items: readonly KeyToPath[] = [], path: string): FieldError[] {
  return items.flatMap(({ key, path: file, mode }, index) => {
    const at = `${path}.items[${index}]`;
    const errors = key ? [] : [required(`${at}.key`)];
    return [...errors, ...fileErrors(file, `${at}.path`), ...modeErrors(mode, `${at}.mode`)];
  });
}

function downwardErrors(items: readonly JsonObject[] = [], path: string): FieldError[] {
  return items.flatMap((item, index) => {
    const at = `${path}.items[${index}]`;
    const { fieldRef, resourceFieldRef } = item;
    const errors = fileErrors(item.path as string | undefined, `${at}.path`);
    if (isJsonObject(fieldRef)) {
      errors.push(...fieldRefErrors(fieldRef, `${at}.fieldRef`, volumeFields));
      if (resourceFieldRef !== undefined)
        errors.push(invalidValue(at, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
    } else if (isJsonObject(resourceFieldRef))
      errors.push(...resourceFieldRefErrors(resourceFieldRef, `${at}.resourceFieldRef`, true));
    else errors.push(required(at, 'one of fieldRef and resourceFieldRef is required'));
    return [...errors, ...modeErrors(item.mode as number | undefined, `${at}.mode`)];
  });
}

function projectionErrors(sources: readonly JsonObject[] = [], path: string): FieldError[] {
  return sources.flatMap((source, index) => {
    const at = `${path}.sources[${index}]`;
    const [first, ...others] = Object.keys(source);
    if (first === undefined) return [];
    const errors = others.map(() => forbiddenField(at, 'may not specify more than 1 volume type per source'));
    const value = source[first] as JsonObject;
    const place = `${at}.${first}`;
    if ((first === 'secret' || first === 'configMap') && !value.name) errors.push(required(`${place}.name`));
    if (first === 'serviceAccountToken') {
      const seconds = Number(value.expirationSeconds ?? minTokenSeconds);
      if (seconds < minTokenSeconds) {
        const rule = 'may not specify a duration less than 10 minutes';
        errors.push(invalidValue(`${place}.expirationSeconds`, seconds, rule));
      }
      return [...errors, ...fileErrors(value.path as string | undefined, `${place}.path`)];
    }
    const items = value.items as JsonObject[] | undefined;
    return [...errors, ...(first === 'downwardAPI' ? downwardErrors(items, place) : keyErrors(items, place))];
  });
}

function sourceErrors(name: string, source: JsonObject, path: string): FieldError[] {
  const errors = (neededFields[name] ?? []).flatMap((field) => (source[field] ? [] : [required(`${path}.${field}`)]));
  errors.push(...modeErrors(source.defaultMode as number | undefined, `${path}.defaultMode`));
  if (
    name === 'hostPath' &&
    String(source.path ?? '')
      .split('/')
      .includes('..')
  )
    errors.push(invalidValue(`${path}.path`, source.path, "must not contain '..'"));
  if (name === 'secret' || name === 'configMap') errors.push(...keyErrors(source.items as KeyToPath[], path));
  if (name === 'downwardAPI') errors.push(...downwardErrors(source.items as JsonObject[], path));
  if (name === 'projected') errors.push(...projectionErrors(source.sources as JsonObject[], path));
  return errors;
}

/** The volumes of a pod. */
export function volumeErrors(volumes: readonly Volume[] = [], path: string): FieldError[] {
  const names = new Set<string>();
  return volumes.flatMap((volume, index) => {
    const at = `${path}[${index}]`;
    const { name, ...sources } = volume;
    const problem = name ? dnsLabelError(name) : undefined;
    const errors = name ? [] : [required(`${at}.name`)];
    if (problem !== undefined) errors.push(invalidValue(`${at}.name`, name, problem));
    if (name && names.has(name)) errors.push(duplicate(`${at}.name`, name));
    names.add(name);
    const given = Object.entries(sources as JsonObject).filter(([, source]) => isJsonObject(source));
    if (given.length === 0) errors.push(required(at, 'must specify a volume type'));
    given.forEach(([field, source], place) => {
      if (place === 0) errors.push(...sourceErrors(field, source as JsonObject, `${at}.${field}`));
      else errors.push(forbiddenField(`${at}.${field}`, 'may not specify more than 1 volume type'));
    });
    return errors;
  });
}

function mountErrors(mount: Mount, path: string, isPrivileged: boolean): FieldError[] {
  const { subPath, subPathExpr, mountPropagation } = mount;
  const errors = subPath ? descendingErrors(subPath, `${path}.subPath`) : [];
  if (subPathExpr) {
    const both = 'subPathExpr and subPath are mutually exclusive';
    if (subPath) errors.push(invalidValue(`${path}.subPathExpr`, subPathExpr, both));
    errors.push(...descendingErrors(subPathExpr, `${path}.subPathExpr`));
  }
  if (mountPropagation === 'Bidirectional' && !isPrivileged) {
    const rule = 'Bidirectional mount propagation is available only to privileged containers';
    errors.push(forbiddenField(`${path}.mountPropagation`, rule));
  }
  return errors;
}

/** Where a container has the volumes of its pod, which are those of the names given. */
export function volumeMountErrors(container: Container, path: string, volumes: ReadonlySet<string>): FieldError[] {
  const places = new Set<string>();
  return (container.volumeMounts ?? []).flatMap((mount, index) => {
    const at = `${path}.volumeMounts[${index}]`;
    const { name, mountPath } = mount;
    const errors: FieldError[] = [];
    if (!name) errors.push(required(`${at}.name`));
    else if (!volumes.has(name))
      errors.push({
        reason: 'FieldValueNotFound',
        field: `${at}.name`,
        message: `Not found: ${JSON.stringify(name)}`,
      });
    if (!mountPath) errors.push(required(`${at}.mountPath`));
    else if (places.has(mountPath)) errors.push(invalidValue(`${at}.mountPath`, mountPath, 'must be unique'));
    places.add(mountPath);
    return [...errors, ...mountErrors(mount, at, container.securityContext?.privileged === true)];
  });
}
