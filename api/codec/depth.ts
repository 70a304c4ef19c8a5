// How deep JSON text nests. JSON.parse takes any depth, and whoever then goes
// through its result level by level runs out of stack.

/** Deepest nesting of what clients send: Kubernetes' types need about 20 levels, schemas in CRDs some more. */
export const maxDepth = 200;

/** Whether JSON text nests deeper than `maxDepth`. */
export function isTooDeep(bytes: Uint8Array): boolean {
  let depth = 0;
  let isText = false;
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index];
    if (byte === 0x22) isText = !isText;
    else if (isText) index += byte === 0x5c ? 1 : 0;
    else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (depth > maxDepth) return true;
    } else if (byte === 0x7d || byte === 0x5d) depth -= 1;
  }
  return false;
}
