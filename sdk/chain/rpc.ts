import {
  BrowserProvider,
  type Eip1193Provider,
  FetchRequest,
  isError,
  JsonRpcProvider,
  Network,
  type Provider,
  type SocketSubscriber,
  WebSocketProvider,
} from 'ethers'
import {
  ChainError,
  InvalidRpcUrlError,
  NotAnRpcError,
  RpcFailedError,
  RpcUnreachableError,
  WrongNetworkError,
} from './errors.ts'

/** Where the chain is reached: a URL (http, https, ws, wss), any ethers provider, or an EIP-1193 wallet. */
export type RpcSource = string | Provider | Eip1193Provider

/** Chain ids of development chains, where a block is final at once and nothing has to be spared. */
const DEVELOPMENT = new Set([31337n, 1337n])
export const isDevelopment = (chainId: bigint): boolean => DEVELOPMENT.has(chainId)

/** A chain reached through one RPC: every call is bounded in time and fails with a typed error. */
export interface Rpc {
  readonly chainId: bigint
  /** Host and port only: paths of RPC URLs hold keys. */
  readonly endpoint: string
  readonly development: boolean
  /** Runs `use` with a live provider. Connection failures throw {@link RpcUnreachableError}; what a contract or node answers passes as ethers throws it. */
  call<T>(use: (provider: Provider) => Promise<T>): Promise<T>
  /** Calls back at each new block where the provider pushes them; otherwise never. Returns how to end it. */
  onBlock(callback: () => void): () => void
  close(): void
}

interface Connection {
  readonly provider: Provider
  readonly pushes: boolean
  alive(): boolean
  destroy(): void
}

/** Connects and learns the chain id. Throws {@link InvalidRpcUrlError}, {@link RpcUnreachableError}, {@link NotAnRpcError}. */
export async function openRpc(source: RpcSource, timeoutMs = 10_000): Promise<Rpc> {
  const endpoint = endpointOf(source)
  const open = connector(source, timeoutMs)
  let connection = open(undefined)
  let chainId: bigint
  try {
    chainId = await bounded(endpoint, timeoutMs, askChainId(source, connection, timeoutMs))
  } catch (error) {
    connection.destroy()
    throw typed(error, endpoint)
  }
  // Our own connections are opened again with the network known, or ethers would keep asking for it.
  if (typeof source === 'string') {
    connection.destroy()
    connection = open(Network.from(chainId))
  }
  const callbacks = new Set<() => void>()
  const push = () => {
    for (const callback of callbacks) callback()
  }
  const subscribe = () => {
    if (connection.pushes && callbacks.size > 0) subscribeToBlocks(connection.provider as WebSocketProvider, push)
  }
  let closed = false
  return {
    chainId,
    endpoint,
    development: isDevelopment(chainId),
    async call(use) {
      if (closed) throw new RpcUnreachableError(endpoint, 'the connection was closed')
      if (!connection.alive()) {
        connection.destroy()
        connection = open(Network.from(chainId))
        subscribe()
      }
      try {
        return await bounded(endpoint, timeoutMs, use(connection.provider))
      } catch (error) {
        throw typed(error, endpoint, chainId)
      }
    },
    onBlock(callback) {
      callbacks.add(callback)
      if (callbacks.size === 1) subscribe()
      return () => void callbacks.delete(callback)
    },
    close() {
      closed = true
      callbacks.clear()
      connection.destroy()
    },
  }
}

function connector(source: RpcSource, timeoutMs: number): (network: Network | undefined) => Connection {
  if (typeof source !== 'string') {
    const provider = 'getBlock' in source ? source : new BrowserProvider(source, undefined, { cacheTimeout: -1 })
    const pushes = 'websocket' in provider
    return () => ({ provider, pushes, alive: () => true, destroy: () => {} })
  }
  if (/^wss?:\/\//.test(source)) return (network) => openSocket(source, network)
  return (network) => {
    const provider = new JsonRpcProvider(httpRequest(source, timeoutMs), network, {
      // Without a cache an automined nonce is never stale; the short stall still gathers calls into one request.
      cacheTimeout: -1,
      batchStallTime: 1,
      ...(network ? { staticNetwork: network } : {}),
    })
    return { provider, pushes: false, alive: () => true, destroy: () => provider.destroy() }
  }
}

function openSocket(url: string, network: Network | undefined): Connection {
  const options = { cacheTimeout: -1, ...(network ? { staticNetwork: network } : {}) }
  const provider = new WebSocketProvider(url, network, options)
  // ethers' own type of a socket leaves out `onclose`, which every implementation has.
  const socket = provider.websocket as WebSocketProvider['websocket'] & { onclose: (() => void) | null }
  let alive = true
  // Without a listener a refused connection would end the process.
  socket.onerror = () => {
    alive = false
  }
  socket.onclose = () => {
    alive = false
  }
  return {
    provider,
    pushes: true,
    alive: () => alive,
    destroy: () => {
      alive = false
      provider.destroy().catch(() => {})
    },
  }
}

/** By hand: when a socket closes, ethers' own subscription rejects where nobody can catch it, and the process would end. */
function subscribeToBlocks(provider: WebSocketProvider, push: () => void): void {
  const subscriber = { _handleMessage: push } as unknown as SocketSubscriber
  provider.send('eth_subscribe', ['newHeads']).then(
    (id: string) => provider._register(id, subscriber),
    // Without it, polling sees the blocks a little later.
    () => {},
  )
}

function httpRequest(url: string, timeoutMs: number): FetchRequest {
  const request = new FetchRequest(url)
  request.timeout = timeoutMs
  request.setThrottleParams({ maxAttempts: 4 })
  return request
}

async function askChainId(source: RpcSource, connection: Connection, timeoutMs: number): Promise<bigint> {
  // ethers retries a failing network detection for ever and says so on the console: ask for the id by hand.
  if (typeof source === 'string' && !connection.pushes) return askOverHttp(source, timeoutMs)
  if (typeof source === 'string') return untilSocketFails(connection)
  return (await connection.provider.getNetwork()).chainId
}

async function askOverHttp(url: string, timeoutMs: number): Promise<bigint> {
  const request = httpRequest(url, timeoutMs)
  request.body = { jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] }
  const response = await request.send()
  try {
    response.assertOk()
    return BigInt(response.bodyJson.result)
  } catch (cause) {
    throw new NotAnRpcError(endpointOf(url), safeCause(cause))
  }
}

async function untilSocketFails({ provider, alive }: Connection): Promise<bigint> {
  const asked = (provider as WebSocketProvider).send('eth_chainId', [])
  for (;;) {
    const answer = await Promise.race([asked, new Promise((resolve) => setTimeout(resolve, 20))])
    if (answer !== undefined) return BigInt(answer as string)
    if (!alive()) {
      asked.catch(() => {})
      throw new Error('the connection was refused')
    }
  }
}

function endpointOf(source: RpcSource): string {
  if (typeof source === 'object' && source !== null) return 'the given provider'
  if (!URL.canParse(source) || !/^(https?|wss?):$/.test(new URL(source).protocol)) throw new InvalidRpcUrlError()
  return new URL(source).host
}

async function bounded<T>(endpoint: string, timeoutMs: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new RpcUnreachableError(endpoint, `no answer within ${timeoutMs / 1000} s`)),
      timeoutMs,
    )
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** What the RPC's node or a contract said stays as it is: callers look inside. */
function typed(error: unknown, endpoint: string, chainId?: bigint): unknown {
  if (error instanceof ChainError) return error
  if (isError(error, 'NETWORK_ERROR') && error.event === 'changed')
    return new WrongNetworkError(chainId ?? 0n, BigInt(/=> *(\d+)/.exec(error.message)?.[1] ?? 0))
  const reason = connectionFailure(error)
  return reason === undefined ? error : new RpcUnreachableError(endpoint, reason, safeCause(error))
}

/** What stands behind an error, unless it repeats the URL, which may hold a key: loggers print causes too. */
const safeCause = (cause: unknown): ErrorOptions => (isError(cause, 'SERVER_ERROR') ? {} : { cause })

const CONNECTION =
  /ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|EPIPE|ETIMEDOUT|EHOSTUNREACH|socket hang up|fetch failed/

function connectionFailure(error: unknown): string | undefined {
  if (isError(error, 'TIMEOUT')) return 'no answer in time'
  if (isError(error, 'NETWORK_ERROR')) return 'the connection failed'
  if (isError(error, 'SERVER_ERROR')) return `it answered ${error.response?.statusCode ?? 'nothing usable'}`
  const text = `${(error as { code?: unknown })?.code} ${(error as Error)?.message}`
  if (/connection was refused|websocket closed|provider destroyed|WebSocket/.test(text)) return 'the connection closed'
  return CONNECTION.exec(text)?.[0]
}

/** What the RPC said, in its own words, for classification and messages. */
export function rpcMessage(error: unknown): string {
  const found: string[] = []
  const visit = (value: unknown, depth: number): void => {
    if (depth > 4 || typeof value !== 'object' || value === null) return
    const { message, ...rest } = value as Record<string, unknown> & { message?: unknown }
    if (typeof message === 'string') found.push(message)
    for (const key of ['error', 'info', 'cause', 'data'])
      visit(rest[key] ?? (value as Record<string, unknown>)[key], depth + 1)
  }
  visit(error, 0)
  return found.join('; ') || String(error)
}

/** Wraps whatever `error` is in a {@link RpcFailedError} unless it is typed already. */
export function asChainError(method: string, error: unknown): ChainError {
  if (error instanceof ChainError) return error
  return new RpcFailedError(method, lastSentence(error), { cause: error })
}

/** The node's own words: the last and shortest message of an ethers error. */
export const lastSentence = (error: unknown): string => rpcMessage(error).split('; ').at(-1)!.slice(0, 200)
