import { z } from 'zod'
import { toBytes, toHex } from '../../core/bytes.ts'
import { revokeDigest } from '../../core/claim.ts'
import { TallystickError } from '../../core/errors.ts'
import type { ChannelId } from '../../core/types.ts'
import type { Revoke } from '../../protocols/messages.ts'
import { MAX_OWNER_SIGNATURE } from '../../protocols/wire.ts'
import { revokeMessage } from '../../signing/typed-data.ts'
import { Withdrawing } from '../chain/withdraw.ts'
import type { Engine } from '../engine.ts'
import { channelRecord } from '../ledgers/book.ts'
import type { ChannelEntry } from '../ledgers/slot.ts'
import type { Peer } from './peers.ts'

/** What was given as a revocation is none for this channel. */
export class InvalidRevocationError extends TallystickError {
  readonly code = 'INVALID_REVOCATION'

  constructor(fact: string, options?: ErrorOptions) {
    super(`${fact} Ask the owner for the order that its node's revoke() gave.`, options)
  }
}

/** The node was not given the owner's wallet. */
export class MissingWalletError extends TallystickError {
  readonly code = 'MISSING_WALLET'

  constructor() {
    super("Only the owner's wallet can sign this. Start the node with `wallet`.")
  }
}

const Order = z.object({
  channelId: z.string().regex(/^0x[0-9a-f]{64}$/),
  signature: z
    .string()
    .max(2 + 2 * MAX_OWNER_SIGNATURE)
    .regex(/^0x(?:[0-9a-f]{2})+$/),
})

/** Session keys whose owners say that they speak for them no longer (docs/protocol.md). */
export class Revoking {
  readonly #engine: Engine
  readonly #closing = new Set<ChannelId>()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Revokes this node's own key in a channel. */
  async revoke(entry: ChannelEntry): Promise<string> {
    const { wallet, domain } = this.#engine.options
    if (!wallet) throw new MissingWalletError()
    const signature = await wallet.signTypedData(revokeMessage(domain, entry.channelId))
    await this.#take(entry, signature)
    const peer = this.#engine.peers.all.get(entry.peer)
    if (peer) this.met(peer)
    return JSON.stringify({ channelId: entry.channelId, signature: toHex(signature) })
  }

  /** Takes an order that came by other ways than a connection: the thief of a key can hang up on it. */
  async accept(order: string): Promise<void> {
    const { channelId, signature } = parse(order)
    await this.#take(this.#engine.book.channel(channelId), signature)
  }

  /** A peer, of whatever channel, hands an order on. A wrong one is no harm: it counts for nothing. */
  async hear({ channelId, signature }: Revoke): Promise<void> {
    const entry = this.#engine.book.channels.get(channelId)
    if (!entry) return
    await this.#take(entry, signature).catch((error) => {
      if (!(error instanceof InvalidRevocationError) && !this.#engine.halted)
        this.#engine.emitter.emit({ kind: 'alarm', error })
    })
  }

  /** A peer is there: it is told what it may have missed, and what it revoked is closed with it. */
  met(peer: Peer): void {
    if (!peer.online) return
    const channels = new Set([...this.#engine.book.slotsOf(peer.signer)].map(({ entry }) => entry))
    for (const entry of channels) {
      const { channelId, me, revocation } = entry
      if (revocation?.member === me)
        this.#engine.peers.send(peer, { kind: 'revoke', channelId, signature: revocation.signature })
      else if (revocation) void this.#close(entry)
    }
  }

  async #take(entry: ChannelEntry, signature: Uint8Array): Promise<void> {
    if (entry.revocation) return
    const member = await this.#memberWho(entry, signature)
    if (entry.revocation || this.#engine.halted) return
    const { channelId } = entry
    entry.revocation = { member, signature }
    const { key, value } = channelRecord(entry)
    this.#engine.journal.write(key, value)
    for (const slot of this.#engine.book.slotsOf(entry.peer))
      if (slot.entry === entry) this.#engine.dispatch(slot, { kind: 'revoked' })
    await new Promise<void>((resolve) => this.#engine.durably(resolve))
    this.#engine.emitter.emit({ kind: 'revoked', channelId, member })
    if (member !== entry.me) void this.#close(entry)
  }

  /** Whose owner signed. */
  async #memberWho({ channelId, channel }: ChannelEntry, signature: Uint8Array): Promise<number> {
    const { chain, domain } = this.#engine.options
    const digest = revokeDigest(domain, channelId)
    for (const [member, { owner }] of channel.members.entries())
      if (await chain.isSignedBy(owner, digest, signature)) return member
    throw new InvalidRevocationError(`No owner of channel ${channelId} signed this revocation.`)
  }

  /** Pays out what both hold by now. Whoever has the key cannot send it elsewhere than to its owner. */
  async #close({ channelId }: ChannelEntry): Promise<void> {
    if (this.#closing.has(channelId)) return
    this.#closing.add(channelId)
    const withdrawing = new Withdrawing(this.#engine)
    const slots = this.#engine.book.assets(channelId).map((asset) => this.#engine.book.slot({ channelId, asset })!)
    await Promise.all(slots.map((slot) => withdrawing.withdraw(slot, undefined, {}))).catch((error) => {
      if (!this.#engine.halted) this.#engine.emitter.emit({ kind: 'alarm', error })
    })
    this.#closing.delete(channelId)
  }
}

function parse(order: string): { readonly channelId: ChannelId; readonly signature: Uint8Array } {
  try {
    const { channelId, signature } = Order.parse(JSON.parse(order))
    return { channelId: channelId as ChannelId, signature: toBytes(signature) }
  } catch (cause) {
    throw new InvalidRevocationError('This is no revocation.', { cause })
  }
}
