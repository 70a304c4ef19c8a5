// Fields that JSON text names twice in one object: JSON.parse keeps the last
// without a word, Kubernetes' field validation tells.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation

type Frame = { keys: Set<string> | undefined; path: string; index: number; key: string };

/** Strings, and what gives the text its structure. */
const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]/g;

/** Paths such as `spec.containers[0].name`, in the order of the text, which must be valid JSON. */
export function duplicateFields(text: string): string[] {
  const found: string[] = [];
  const frames: Frame[] = [];
  let last = '';
  for (const [token] of text.matchAll(tokens)) {
    const frame = frames.at(-1);
    if (token === '{' || token === '[')
      frames.push({ keys: token === '{' ? new Set() : undefined, path: childPath(frame), index: 0, key: '' });
    else if (token === '}' || token === ']') frames.pop();
    else if (frame !== undefined && token === ',') frame.index += 1;
    else if (frame?.keys !== undefined && token === ':') {
      frame.key = JSON.parse(last) as string;
      if (frame.keys.has(frame.key)) found.push(childPath(frame));
      frame.keys.add(frame.key);
    }
    last = token;
  }
  return found;
}

/** Path of the value that is being read in a frame. */
function childPath(frame: Frame | undefined): string {
  if (frame === undefined) return '';
  if (frame.keys === undefined) return `${frame.path}[${frame.index}]`;
  return frame.path === '' ? frame.key : `${frame.path}.${frame.key}`;
}
