// Times as Kubernetes writes them: RFC 3339, UTC, whole seconds (metav1.Time) or microseconds (metav1.MicroTime).

/** The last second that RFC 3339 can write. */
const lastTimeMs = Date.UTC(9999, 11, 31, 23, 59, 59);

/** Milliseconds since 1970 as metav1.Time; what is too far off to be written is the last time that can be. */
export function formatTime(timeMs: number): string {
  return `${new Date(Math.min(Math.floor(timeMs / 1000) * 1000, lastTimeMs)).toISOString().slice(0, 19)}Z`;
}

/** Milliseconds since 1970, with a fraction, as metav1.MicroTime. */
export function formatMicroTime(timeMs: number): string {
  const micros = Math.round((timeMs - Math.floor(timeMs / 1000) * 1000) * 1000);
  return `${formatTime(timeMs).slice(0, -1)}.${String(Math.min(micros, 999_999)).padStart(6, '0')}Z`;
}

const timePattern = /^(\d{4})-(\d\d)-(\d\d)T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** Milliseconds since 1970, or NaN when the text is no RFC 3339 time. */
export function parseTime(text: string | undefined): number {
  const match = timePattern.exec(text ?? '');
  if (match === null) return Number.NaN;
  const [, year, month, day] = match.map(Number);
  // Date.parse takes 30 February for 2 March.
  const daysInMonth = new Date(Date.UTC(year ?? 0, month ?? 0, 0)).getUTCDate();
  return (day ?? 0) > daysInMonth ? Number.NaN : Date.parse(match[0]);
}

/** A duration as kubectl's AGE column shows it (apimachinery's HumanDuration): 5s, 3m20s, 2h, 4d3h, 2y10d. */
export function humanDuration(durationMs: number): string {
  const seconds = Math.trunc(durationMs / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 60 * 2) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return pair(minutes, 'm', seconds % 60, 's');
  if (minutes < 60 * 3) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return pair(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (hours < 24 * 8) return pair(days, 'd', hours % 24, 'h');
  if (hours < 24 * 365 * 2) return `${days}d`;
  const years = Math.floor(days / 365);
  if (hours < 24 * 365 * 8) return pair(years, 'y', days % 365, 'd');
  return `${years}y`;
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`;
}
