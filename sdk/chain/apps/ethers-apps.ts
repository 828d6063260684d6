import {
  decodeAppWord,
  encodeInstance,
  type Instance,
  instanceIdOf,
  packAppSignatures,
  packMoves,
  packStanding,
  parseStanding,
  type SignedMove,
  type Standing,
  seatKey,
} from '../../core/app.ts'
import { toBytes, toHex, toUint } from '../../core/bytes.ts'
import { keccak256 } from '../../core/keccak.ts'
import type { OutcomeSource } from '../../core/outcome.ts'
import type { Address, Domain, Hex } from '../../core/types.ts'
import { ask } from '../ask.ts'
import type { ChainReceipt, Head, SendOptions } from '../chain.ts'
import { RpcFailedError } from '../errors.ts'
import { LogReader } from '../logs.ts'
import type { Request } from '../preflight.ts'
import type { RegistryReader } from '../registry-reader.ts'
import type { Rpc } from '../rpc.ts'
import { arbiterAbi } from './abi.ts'
import type { AgreedState, AppChain, AppStatus, StandingInstance } from './app-chain.ts'

export interface EthersAppsOptions {
  readonly rpc: Rpc
  readonly arbiter: Address
  readonly registry: RegistryReader
  readonly firstBlock: number
  readonly confirmations: number
  readonly send: (request: Request, options: SendOptions) => Promise<ChainReceipt>
}

/** Blocks whose logs are read again at each new block: an RPC's index of logs may lag behind its blocks. */
const OVERLAP = 8
/** Gas that an app may take in the block and not when it is estimated: a state that stands by then may be a longer one. */
const ROOM = 300_000n

const topicOf = (event: string): Hex => arbiterAbi.getEvent(event)!.topicHash as Hex
const STANDINGS = [topicOf('Submitted'), topicOf('Moved')]
const ALL = [...STANDINGS, topicOf('Concluded')]

/** The port to the arbiter over ethers, beside that to the channels: one sender, one head. */
export class EthersApps implements AppChain {
  readonly domain: Domain
  readonly source: OutcomeSource
  readonly #options: EthersAppsOptions
  readonly #logs: LogReader
  readonly #listeners = new Set<(ids: readonly Hex[]) => void>()
  /** Events of the last blocks, by their place in the chain, with the instance each is about. */
  #seen = new Map<string, Hex>()
  #next: number | undefined
  /** What was found for a word: a word never comes again with other bytes. */
  readonly #known = new Map<Hex, { readonly word: bigint; readonly standing: Standing }>()

  constructor(options: EthersAppsOptions) {
    this.#options = options
    const { rpc, arbiter } = options
    this.domain = { chainId: rpc.chainId, adjudicator: arbiter }
    this.source = { chainId: rpc.chainId, condition: arbiter }
    this.#logs = new LogReader(rpc, arbiter)
  }

  watch(listener: (ids: readonly Hex[]) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Reads what a new block says; what an older one said and this chain does not is told, too. */
  async onHead({ number }: Head): Promise<void> {
    if (this.#listeners.size === 0) return
    const overlap = Math.max(OVERLAP, this.#options.confirmations)
    const from = Math.max(Math.min(this.#next ?? number, number) - overlap, this.#options.firstBlock, 0)
    const seen = new Map<string, Hex>()
    for (const log of await this.#logs.read([ALL], from, number))
      seen.set(`${log.blockHash}/${log.index}`, log.topics[1] as Hex)
    const before = this.#seen
    const ids = new Set<Hex>()
    for (const [place, id] of seen) if (!before.has(place)) ids.add(id)
    for (const [place, id] of before) if (!seen.has(place)) ids.add(id)
    this.#seen = seen
    this.#next = number + 1
    if (ids.size > 0) for (const listener of this.#listeners) listener([...ids])
  }

  async status(instance: Instance): Promise<AppStatus> {
    const { rpc, arbiter, registry } = this.#options
    const id = instanceIdOf(this.source, instance)
    // One block for both: what is concluded stands no more, and would seem to have never stood.
    const block = await rpc.call((provider) => provider.getBlockNumber())
    const [word] = await ask(rpc, arbiter, arbiterAbi, 'wordOf', [id], block)
    const keys = instance.seats.map((_, seat) => seatKey(this.source, id, seat))
    const outcomes = await registry.outcomes(keys, block)
    const standing = word === 0n ? undefined : await this.#standing(id, word as bigint, instance, block)
    // All seats at once.
    const { recordedAt } = outcomes[0]!
    return { standing, values: recordedAt > 0n ? outcomes.map(({ value }) => value) : undefined, recordedAt }
  }

  async #standing(id: Hex, word: bigint, instance: Instance, block: number): Promise<StandingInstance> {
    const known = this.#known.get(id)
    const standing = known?.word === word ? known.standing : await this.#find(id, word, instance, block)
    this.#known.set(id, { word, standing })
    const { since, base } = decodeAppWord(word)
    return { ...standing, since, base }
  }

  async #find(id: Hex, word: bigint, instance: Instance, block: number): Promise<Standing> {
    const { hash } = decodeAppWord(word)
    const bytesOf = (data: string) => toBytes(String(arbiterAbi.decodeEventLog('Moved', data)[1]))
    const isIt = ({ data }: { data: string }) => BigInt.asUintN(184, toUint(keccak256(bytesOf(data)))) === hash
    const log = await this.#logs.findLast([STANDINGS, id], this.#options.firstBlock, block, isIt)
    if (!log) throw new RpcFailedError('eth_getLogs', `it shows no event with what stands of ${id}`)
    return parseStanding(bytesOf(log.data), instance.seats.length)
  }

  async isDeployed(app: Address): Promise<boolean> {
    return (await this.#options.rpc.call((provider) => provider.getCode(app))) !== '0x'
  }

  deploy(initCode: Uint8Array, options: SendOptions): Promise<ChainReceipt> {
    return this.#send('deploy', [toHex(initCode)], options)
  }

  submit(
    instance: Instance,
    { version, state, envelopes }: AgreedState,
    moves: readonly SignedMove[],
    options: SendOptions,
  ): Promise<ChainReceipt> {
    const args = [encodeInstance(instance), version, state, packAppSignatures(envelopes), packMoves(moves)]
    return this.#send('submit', args, options)
  }

  move(
    instance: Instance,
    standing: Standing,
    moves: readonly SignedMove[],
    options: SendOptions,
  ): Promise<ChainReceipt> {
    return this.#send('move', [encodeInstance(instance), packStanding(standing), packMoves(moves)], options)
  }

  conclude(instance: Instance, standing: Standing, options: SendOptions): Promise<ChainReceipt> {
    return this.#send('conclude', [encodeInstance(instance), packStanding(standing)], options)
  }

  agree(
    instance: Instance,
    { state, envelopes }: Omit<AgreedState, 'version'>,
    options: SendOptions,
  ): Promise<ChainReceipt> {
    return this.#send('agree', [encodeInstance(instance), state, packAppSignatures(envelopes)], options)
  }

  #send(functionName: string, args: readonly unknown[], options: SendOptions): Promise<ChainReceipt> {
    const data = arbiterAbi.encodeFunctionData(functionName, args) as Hex
    return this.#options.send({ functionName, to: this.domain.adjudicator, data, value: 0n, room: ROOM }, options)
  }
}
