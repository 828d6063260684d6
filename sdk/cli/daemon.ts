import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { constants } from 'node:os'
import { type Logger, pino } from 'pino'
import { Counter, collectDefaultMetrics, Registry } from 'prom-client'
import { UsageError } from './files.ts'

/** What every daemon is told. */
export interface DaemonArgs {
  /** `HOST:PORT` of the metrics; without one there are none. */
  readonly metrics?: string
  readonly logLevel: string
}

/** What a daemon has to tell with. */
export interface Desk {
  /** One JSON object a line, on the standard output. */
  readonly log: Logger
  readonly metrics: Registry
  /** Tells operators of something that needs them. `about`: what the line says besides. */
  alarm(error: Error & { readonly code?: string }, about?: object): void
}

/** Something that runs until it is told to stop. */
export interface Service {
  /** Why it cannot do its work at the moment; undefined: it can. */
  fault(): string | undefined
  stop(): Promise<void>
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const
const LEVELS = ['debug', 'info', 'warn', 'error', 'silent']

/**
 * Runs a service until SIGTERM or SIGINT, then stops it in order; a second signal ends the process at once. `/metrics` is in Prometheus'
 * text format, `/healthz` answers 200 or 503 with the reason. Throws {@link UsageError}.
 */
export async function runDaemon(
  { metrics: address, logLevel }: DaemonArgs,
  start: (desk: Desk) => Promise<Service>,
): Promise<void> {
  if (!LEVELS.includes(logLevel))
    throw new UsageError(`"${logLevel.slice(0, 40)}" is no level. Check --log-level: ${LEVELS.join(', ')}.`)
  const log = pino({ level: logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime })
  const metrics = new Registry()
  collectDefaultMetrics({ register: metrics })
  const signal = firstSignal()
  const service = await start({ log, metrics, alarm: alarms(log, metrics) })
  let server: Server | undefined
  try {
    server = address === undefined ? undefined : await serve(address, metrics, service)
    if (server) log.info({ metrics: listening(server) }, 'metrics')
    log.info({ signal: await signal }, 'stopping')
  } finally {
    server?.close()
    server?.closeAllConnections()
    await service.stop()
  }
  log.info('stopped')
}

function alarms(log: Logger, metrics: Registry): Desk['alarm'] {
  const count = new Counter({
    name: 'tallystick_alarms_total',
    help: 'What needed an operator, by code',
    labelNames: ['code'],
    registers: [metrics],
  })
  return ({ code = 'UNKNOWN', message }, about = {}) => {
    count.inc({ code })
    log.error({ code, ...about }, message)
  }
}

function firstSignal(): Promise<string> {
  return new Promise((resolve) => {
    let isStopping = false
    for (const signal of SIGNALS)
      process.on(signal, () => {
        if (isStopping) process.exit(128 + constants.signals[signal])
        isStopping = true
        resolve(signal)
      })
  })
}

async function serve(address: string, metrics: Registry, service: Service): Promise<Server> {
  const [, host, port] = /^\[?(.+?)\]?:(\d{1,5})$/.exec(address) ?? []
  if (host === undefined || Number(port) > 65_535)
    throw new UsageError(`"${address.slice(0, 80)}" is no HOST:PORT, such as 127.0.0.1:9464. Check --metrics.`)
  const server = createServer(async ({ url }, response) => {
    const fault = service.fault()
    if (url === '/healthz') response.writeHead(fault === undefined ? 200 : 503).end(`${fault ?? 'well'}\n`)
    else if (url === '/metrics')
      await metrics.metrics().then(
        (text) => response.writeHead(200, { 'content-type': metrics.contentType }).end(text),
        (error: Error) => response.writeHead(503).end(`${error.message}\n`),
      )
    else response.writeHead(404).end('Ask for /metrics or /healthz.\n')
  })
  server.listen(Number(port), host)
  try {
    await once(server, 'listening')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new UsageError(`Metrics cannot be served at ${address} (${code}). Check --metrics.`, { cause })
  }
  return server
}

const listening = (server: Server): string => {
  const { address, family, port } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/metrics`
}
