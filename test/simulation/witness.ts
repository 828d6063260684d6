import { bytesToHex } from '@noble/hashes/utils.js'
import type { Address } from '../../sdk/core/types.ts'
import { historyKey } from '../../sdk/node/keys.ts'
import type { Message } from '../../sdk/protocols/messages.ts'
import type { Machine } from './machine.ts'
import type { Edge } from './world.ts'

const isOf = (
  edge: Edge,
  ref: { readonly channelId: string | undefined; readonly asset: string | undefined },
): boolean => edge.channelId === ref.channelId && edge.asset === ref.asset

interface Shown {
  readonly generation: number
  readonly lane: number
  readonly version: bigint
  readonly signature: Uint8Array
}

/** Sees every message as it leaves: nothing may leave that is not on disk, and no version twice. */
export class Witness {
  readonly #edges: readonly Edge[]
  readonly #broken: string[]
  /** Signatures by machine, ledger, generation, lane and version. */
  readonly #signed = new Map<string, string>()

  constructor(edges: readonly Edge[], broken: string[]) {
    this.#edges = edges
    this.#broken = broken
  }

  see(machine: Machine, to: Address, message: Message): void {
    if (message.kind !== 'updates' && message.kind !== 'sync') return
    const edge = this.#edges.find((each) => isOf(each, message))
    if (!edge) return
    const { generation } = message
    const lane = machine.signer < to ? 0 : 1
    const states: Shown[] =
      message.kind === 'updates'
        ? message.updates.map(({ version, signature }) => ({ generation, lane, version, signature }))
        : [{ generation, lane, version: message.own.newest.version, signature: message.own.signature }]
    if (message.kind === 'updates' && message.ack) states.push({ ...message.ack, generation, lane: 1 - lane })
    for (const state of states) this.#judge(machine, edge, message.kind, state)
  }

  #judge(
    { name, store, index, restored }: Machine,
    { channelId, asset, numbers, ends }: Edge,
    kind: string,
    shown: Shown,
  ) {
    const { generation, lane, version, signature } = shown
    if (version === 0n) return
    const place = `${name}/${channelId}/${asset}/${generation}/${lane}/${version}`
    const hex = bytesToHex(signature)
    if ((this.#signed.get(place) ?? hex) !== hex) this.#broken.push(`${name} signed two states for ${place}`)
    this.#signed.set(place, hex)
    const number = numbers[ends[0].index === index ? 0 : 1]!
    // Who lost its store takes over what the peer shows, without its history.
    if (kind === 'updates' && !restored && !store.has(historyKey(number, generation, lane, version)))
      this.#broken.push(`${name} sent ${place} before it was durable`)
  }

  /** What a machine signed and nobody has received is as if it was never signed, once its disk is lost. */
  forget({ name, index }: Machine): void {
    for (const place of [...this.#signed.keys()]) {
      const [by, channelId, asset, generation, lane, version] = place.split('/')
      const { ends, numbers } = this.#edges.find((edge) => isOf(edge, { channelId, asset }))!
      const other = ends[0].index === index ? 1 : 0
      const key = historyKey(numbers[other], Number(generation), Number(lane), BigInt(version!))
      if (by === name && !ends[other].disk.has(key)) this.#signed.delete(place)
    }
  }
}
