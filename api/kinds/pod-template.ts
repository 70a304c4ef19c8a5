// What all kinds with a pod template share: its defaults.
import { isJsonObject, type JsonObject } from '../meta/object.ts';
import { defaultPodSpec } from './pod-defaults.ts';

/** Fills in the `template` of a workload's spec, in place. */
export function defaultTemplate(spec: JsonObject): void {
  spec.template ??= {};
  const template = spec.template as JsonObject;
  template.metadata ??= {};
  template.spec ??= {};
  if (isJsonObject(template.spec)) defaultPodSpec(template.spec);
}
