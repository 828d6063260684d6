import { bytesToHex, randomBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import type { ChainReceipt, DepositForm, Payer, SigningOptions } from '../../chain/chain.ts'
import { parseSignedDeposit, signedDepositText } from '../../chain/signed-deposit.ts'
import { toHex } from '../../core/bytes.ts'
import { keccak256 } from '../../core/keccak.ts'
import { assertAmount } from '../../protocols/payments.ts'
import type { Engine } from '../engine.ts'
import type { Followed } from '../ledgers/slot.ts'

/** How money is brought in, and what to wait for. */
export interface DepositOptions {
  /** Default: the chain's coin. */
  readonly asset?: string
  /**
   * How the money gets there. Default: what takes the sender the fewest transactions: an allowance that is there, a permit if the
   * token has them, else an approval. Of another payer: an authorization if the token has them, else Permit2.
   */
  readonly by?: DepositForm
  /** Whose tokens are taken; it signs and needs no gas money. Default: the sender. */
  readonly payer?: Payer
  /** Depositing again with the same id deposits once, across restarts too. Default: random. */
  readonly id?: string
  /** Resolve when it can be spent (default), or as soon as it is in a block. */
  readonly wait?: 'mined' | 'confirmed'
  /** Also tells the chain what the channel is, so that seed and chain suffice to find it again. */
  readonly announce?: boolean
  readonly signal?: AbortSignal
}

/** What is signed for whoever sends it. */
export interface SignDepositOptions extends SigningOptions {
  readonly payer: Payer
  /** A token: coins cannot be signed away. */
  readonly asset: string
}

type Waiting = Pick<DepositOptions, 'wait' | 'signal'>

/** Brings in the money of users. */
export class Depositing {
  readonly #engine: Engine

  constructor(engine: Engine) {
    this.#engine = engine
  }

  async deposit(slot: Followed, amount: bigint, options: DepositOptions): Promise<ChainReceipt> {
    assertAmount(amount)
    this.#engine.assertRunning()
    const { by, payer, announce, signal } = options
    const { channel, me } = slot.entry
    const receipt = await this.#engine.options.chain.deposit(slot.ledger, me, amount, {
      intent: intentOf('deposit', slot, options),
      ...{ by, payer, announce, channel },
      ...(signal && { signal }),
    })
    return this.#settled(slot, receipt, options)
  }

  async collect(slot: Followed, options: Pick<DepositOptions, 'id' | 'wait' | 'signal'>): Promise<ChainReceipt> {
    this.#engine.assertRunning()
    const { entry, ledger } = slot
    const receipt = await this.#engine.options.chain.collect(entry.channel, entry.me, ledger.asset, {
      intent: intentOf('collect', slot, options),
      ...(options.signal && { signal: options.signal }),
    })
    return this.#settled(slot, receipt, options)
  }

  async sign(slot: Followed, amount: bigint, { asset: _, ...options }: SignDepositOptions): Promise<string> {
    assertAmount(amount)
    this.#engine.assertRunning()
    const { chain, domain } = this.#engine.options
    return signedDepositText(domain, await chain.signDeposit(slot.ledger, slot.entry.me, amount, options))
  }

  /** Whoever's channel it is for. */
  async relay(text: string, signal: AbortSignal | undefined): Promise<ChainReceipt> {
    this.#engine.assertRunning()
    const { chain, domain } = this.#engine.options
    const signed = parseSignedDeposit(text, domain)
    // Of all of it: a changed copy must not pass for the one that was sent.
    const hash = toHex(keccak256(utf8ToBytes(signedDepositText(domain, signed))))
    const receipt = await chain.relayDeposit(signed, {
      intent: `deposit/signed/${hash}`,
      ...(signal && { signal }),
    })
    const slot = this.#engine.book.slot(signed)
    return slot ? this.#settled(slot, receipt, signal ? { signal } : {}) : receipt
  }

  async #settled(
    slot: Followed,
    receipt: ChainReceipt,
    { wait = 'confirmed', signal }: Waiting,
  ): Promise<ChainReceipt> {
    const { desk, lookout } = this.#engine
    await desk.refresh(slot)
    if (wait === 'confirmed')
      await lookout.until(slot, ({ confirmedHead }) => confirmedHead.number >= receipt.block.number, signal)
    return receipt
  }
}

/** Names a deposit, so that it is made once for each id. */
const intentOf = (verb: string, { ledgerId }: Followed, { id }: { readonly id?: string }): string =>
  `${verb}/${ledgerId}/${id ?? bytesToHex(randomBytes(16))}`
