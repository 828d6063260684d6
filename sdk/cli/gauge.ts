import { Gauge, type Registry } from 'prom-client'

/** A gauge that is read when somebody asks. It keeps its last value while that fails: the others matter most when the RPC is down. */
export function readGauge(
  name: string,
  help: string,
  registers: Registry[],
  read: () => number | Promise<number>,
): Gauge {
  return new Gauge({
    name,
    help,
    registers,
    async collect() {
      try {
        this.set(await read())
      } catch {
        // Health says so.
      }
    },
  })
}
