// The port through which the API server reaches into nodes: logs now, exec and
// port-forward later. hub/tunnel implements it; main.ts joins the two.

export type LogOptions = {
  container: string;
  follow: boolean;
  previous: boolean;
  timestamps: boolean;
  tailLines?: number;
  limitBytes?: number;
  /** Milliseconds since 1970. */
  sinceMs?: number;
};

export type PodReference = { namespace: string; name: string; uid: string; nodeName: string };

export type NodeConnector = {
  /**
   * Streams a container's log until it ends or the signal aborts.
   * @throws ApiError ServiceUnavailable when the node is not connected, BadRequest or NotFound from the node
   */
  logs(pod: PodReference, options: LogOptions, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
};
