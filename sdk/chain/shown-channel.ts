import { toBytes } from '../core/bytes.ts'
import { channelIn } from '../core/channel.ts'
import type { Address, Channel, ChannelId, Domain, Hex } from '../core/types.ts'
import type { ChainEvent } from './chain.ts'
import { RpcUnreachableError } from './errors.ts'
import { type Rpc, rpcMessage } from './rpc.ts'

// An event names a channel by its id. Whatever changed its ledger had to show the channel itself to the adjudicator, so it
// stands in a call: in that of the transaction, wherever wallets and multicalls put it, or in one between contracts, which only
// a trace shows. An id is a hash, so nothing that is found here has to be believed.

/** Transactions of one channel that are looked into at most. */
const MAX_LOOKED = 64
const UNSUPPORTED = /method|unsupported|not (supported|allowed|available|enabled)|plan|upgrade/i
const NO_TRANSACTION = `0x${'00'.repeat(32)}`

/** Looks for the channel that an event is about. */
export class ChannelFinder {
  readonly #rpc: Rpc
  readonly #domain: Domain
  readonly #history: (channelId: ChannelId) => Promise<readonly ChainEvent[]>

  constructor(rpc: Rpc, domain: Domain, history: (channelId: ChannelId) => Promise<readonly ChainEvent[]>) {
    this.#rpc = rpc
    this.#domain = domain
    this.#history = history
  }

  /** Undefined if no transaction shows it to this RPC. Throws {@link RpcUnreachableError}. */
  async find({ channelId, transaction }: Pick<ChainEvent, 'channelId' | 'transaction'>): Promise<Channel | undefined> {
    return (
      (await this.#inCall(channelId, transaction)) ??
      (await this.#inTrace(channelId, transaction)) ??
      (await this.#inHistory(channelId))
    )
  }

  /** Whether the RPC shows calls between contracts. Throws {@link RpcUnreachableError}. */
  async canTrace(): Promise<boolean> {
    for (const [method, params] of TRACES) {
      const refusal = await this.#ask(method, params(NO_TRANSACTION)).then(
        () => undefined,
        (error) => (isUnreachable(error) ? Promise.reject(error) : rpcMessage(error)),
      )
      // That it does not know the transaction says that it would have traced it.
      if (refusal === undefined || !UNSUPPORTED.test(refusal)) return true
    }
    return false
  }

  async #inCall(channelId: ChannelId, hash: Hex): Promise<Channel | undefined> {
    const transaction = await this.#rpc.call((provider) => provider.getTransaction(hash))
    return transaction ? channelIn(toBytes(transaction.data), this.#domain, channelId) : undefined
  }

  async #inTrace(channelId: ChannelId, hash: Hex): Promise<Channel | undefined> {
    for (const [method, params] of TRACES) {
      const trace = await this.#ask(method, params(hash)).catch((error) =>
        isUnreachable(error) ? Promise.reject(error) : undefined,
      )
      for (const input of inputsTo(trace, this.#domain.adjudicator)) {
        const found = channelIn(input, this.#domain, channelId)
        if (found) return found
      }
    }
    return undefined
  }

  /** What was announced, or shown by an earlier withdrawal or answer, is no secret any more. */
  async #inHistory(channelId: ChannelId): Promise<Channel | undefined> {
    const events = await this.#history(channelId)
    const announced = events.find(({ kind }) => kind === 'announced')
    if (announced) return channelIn(toBytes(announced.args.channel as Hex), this.#domain, channelId)
    const showing = events.filter(({ kind }) => kind !== 'deposited').map(({ transaction }) => transaction)
    for (const hash of [...new Set(showing)].slice(0, MAX_LOOKED)) {
      const found = await this.#inCall(channelId, hash)
      if (found) return found
    }
    return undefined
  }

  #ask(method: string, params: readonly unknown[]): Promise<unknown> {
    return this.#rpc.call((provider) => {
      const { send } = provider as { send?: (method: string, params: readonly unknown[]) => Promise<unknown> }
      if (!send) throw new Error(`${method} is not supported by this provider`)
      return send.call(provider, method, params)
    })
  }
}

/** The two ways in which nodes show calls: Geth's, which most have taken over, and Parity's. */
const TRACES: readonly (readonly [string, (hash: string) => unknown[]])[] = [
  ['debug_traceTransaction', (hash) => [hash, { tracer: 'callTracer' }]],
  ['trace_transaction', (hash) => [hash]],
]

/** The input of every call to `target` in a trace of either form. */
function* inputsTo(trace: unknown, target: Address): Generator<Uint8Array> {
  const waiting = Array.isArray(trace) ? trace.map((one) => (one as { action?: unknown })?.action) : [trace]
  while (waiting.length > 0) {
    const call = waiting.pop()
    if (typeof call !== 'object' || call === null) continue
    const { to, input, calls } = call as { to?: unknown; input?: unknown; calls?: unknown }
    if (Array.isArray(calls)) waiting.push(...calls)
    const isHex = typeof input === 'string' && /^0x([0-9a-fA-F]{2})*$/.test(input)
    if (isHex && typeof to === 'string' && to.toLowerCase() === target) yield toBytes(input)
  }
}

const isUnreachable = (error: unknown): boolean => error instanceof RpcUnreachableError
