// The verb watch: the store's changes as events, filtered by selectors, with
// initial events and bookmarks for those who ask.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
import { apiVersionOf, type Kind } from '../../api/kinds/kind.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import type { Operation, WatchEvent, WatchEventType, WatchSink } from '../../api/meta/operation.ts';
import { badRequest } from '../../api/meta/status.ts';
import type { Entry, StoreEvent } from '../store/store.ts';
import { bookmarkIntervalMs } from './limits.ts';
import { type ApiParts, kindOf } from './parts.ts';
import { parseRevision } from './read.ts';
import { parseSelection, type Selection } from './selection.ts';
import { listPrefix, servedText } from './stored-object.ts';

/** Events made of a store event, by type: parsed and serialised once, whoever watches. */
const madeEvents = new WeakMap<StoreEvent, Partial<Record<WatchEventType, WatchEvent>>>();

function lazyEvent(type: WatchEventType, text: () => string): WatchEvent {
  let cachedText: string | undefined;
  let cachedObject: KubeObject | undefined;
  const getText = (): string => {
    cachedText ??= text();
    return cachedText;
  };
  return {
    type,
    text: getText,
    object: () => {
      cachedObject ??= JSON.parse(getText()) as KubeObject;
      return cachedObject;
    },
  };
}

function entryEvent(kind: Kind, type: WatchEventType, entry: Entry, revision: number): WatchEvent {
  return lazyEvent(type, () => servedText(kind, entry.value, revision));
}

function sharedEvent(kind: Kind, source: StoreEvent, type: WatchEventType, entry: Entry): WatchEvent {
  const made = madeEvents.get(source) ?? {};
  madeEvents.set(source, made);
  made[type] ??= entryEvent(kind, type, entry, source.revision);
  return made[type];
}

/** The event that a watcher with this selection sees of a change, if any. */
function select(kind: Kind, source: StoreEvent, selection: Selection): WatchEvent | undefined {
  const { previous } = source;
  const entry = source.type === 'put' ? source.entry : undefined;
  if (selection.all) {
    if (entry === undefined) return previous && sharedEvent(kind, source, 'DELETED', previous);
    return sharedEvent(kind, source, previous === undefined ? 'ADDED' : 'MODIFIED', entry);
  }
  const matchesNow =
    entry !== undefined &&
    selection.matches(sharedEvent(kind, source, previous === undefined ? 'ADDED' : 'MODIFIED', entry).object());
  const matchedBefore =
    previous !== undefined && selection.matches(sharedEvent(kind, source, 'DELETED', previous).object());
  if (matchesNow) return sharedEvent(kind, source, matchedBefore ? 'MODIFIED' : 'ADDED', entry);
  return matchedBefore ? sharedEvent(kind, source, 'DELETED', previous) : undefined;
}

function bookmark(kind: Kind, revision: number, initialEventsEnd = false): WatchEvent {
  const annotations = initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {};
  return lazyEvent('BOOKMARK', () =>
    JSON.stringify({
      kind: kind.kind,
      apiVersion: apiVersionOf(kind),
      metadata: { resourceVersion: String(revision), creationTimestamp: null, ...annotations },
    }),
  );
}

export async function watch(
  parts: ApiParts,
  operation: Operation,
  signal: AbortSignal,
  sink: WatchSink,
): Promise<void> {
  const kind = kindOf(operation);
  const selection = parseSelection(operation, kind);
  const { query } = operation;
  const wantsBookmarks = query.allowWatchBookmarks === 'true' || query.allowWatchBookmarks === '1';
  const wantsInitial = query.sendInitialEvents === 'true' || query.sendInitialEvents === '1';
  if (wantsInitial && query.resourceVersionMatch !== 'NotOlderThan') {
    throw badRequest(
      'sendInitialEvents: Forbidden: resourceVersionMatch must be NotOlderThan when sendInitialEvents is set',
    );
  }
  const prefix = listPrefix(kind, operation.namespace);
  const startsAtNow =
    query.resourceVersion === undefined || query.resourceVersion === '' || query.resourceVersion === '0';
  let after = startsAtNow || wantsInitial ? parts.store.revision() : parseRevision(query.resourceVersion);
  if (wantsInitial || (startsAtNow && query.sendInitialEvents !== 'false')) {
    const initial = await parts.store.list({ prefix });
    after = initial.revision;
    const events = initial.entries
      .map((entry) => entryEvent(kind, 'ADDED', entry, entry.modRevision))
      .filter((event) => selection.all || selection.matches(event.object()));
    if (wantsInitial && wantsBookmarks) events.push(bookmark(kind, after, true));
    if (events.length > 0) sink(events);
  }
  parts.store.watch({ prefix, after, signal }, (sources) => {
    const events = sources.map((source) => select(kind, source, selection)).filter((event) => event !== undefined);
    if (events.length > 0) sink(events);
  });
  if (wantsBookmarks) sendBookmarks(parts, kind, signal, sink);
}

function sendBookmarks(parts: ApiParts, kind: Kind, signal: AbortSignal, sink: WatchSink): void {
  let sent = parts.store.revision();
  const schedule = (): void => {
    const cancel = parts.clock.setTimer(bookmarkIntervalMs, () => {
      signal.removeEventListener('abort', cancel);
      if (signal.aborted) return;
      const revision = parts.store.revision();
      if (revision !== sent) sink([bookmark(kind, revision)]);
      sent = revision;
      schedule();
    });
    signal.addEventListener('abort', cancel, { once: true });
  };
  schedule();
}
