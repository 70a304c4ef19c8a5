// Prometheus metrics, one registry a process (prom-client).
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export type Metrics = {
  counter(
    name: string,
    help: string,
    labels?: string[],
  ): { inc(labels?: Record<string, string>, value?: number): void };
  gauge(name: string, help: string, read: () => number): void;
  histogram(
    name: string,
    help: string,
    labels?: string[],
  ): { observe(labels: Record<string, string>, seconds: number): void };
  /** The exposition text that a scrape gets. */
  text(): Promise<string>;
};

/** Metrics that a Prometheus server can scrape. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  return {
    counter: (name, help, labels = []) => {
      const counter = new Counter({ name, help, labelNames: labels, registers: [registry] });
      return { inc: (values = {}, value = 1) => counter.inc(values, value) };
    },
    gauge: (name, help, read) => {
      new Gauge({
        name,
        help,
        registers: [registry],
        collect() {
          this.set(read());
        },
      });
    },
    histogram: (name, help, labels = []) => {
      const histogram = new Histogram({ name, help, labelNames: labels, registers: [registry] });
      return { observe: (values, seconds) => histogram.observe(values, seconds) };
    },
    text: () => registry.metrics(),
  };
}
