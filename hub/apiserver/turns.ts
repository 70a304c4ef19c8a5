// Work on a store that goes one after the other: whoever takes something finds
// taken what the one before took.
import type { ApiParts } from './parts.ts';

/** The end of the last work of each name, by store. */
const turns = new WeakMap<ApiParts['store'], Map<string, Promise<unknown>>>();

/** Does the work when all earlier work of that name is over, however that ended. */
export function inTurn<T>({ store }: ApiParts, name: string, work: () => Promise<T>): Promise<T> {
  const waiting = turns.get(store) ?? new Map<string, Promise<unknown>>();
  turns.set(store, waiting);
  const turn = (waiting.get(name) ?? Promise.resolve()).then(work);
  const settled = turn
    .catch(() => undefined)
    .finally(() => {
      if (waiting.get(name) === settled) waiting.delete(name);
    });
  waiting.set(name, settled);
  return turn;
}
