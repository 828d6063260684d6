import { type Address, type Channel, COIN } from '../core/types.ts'
import type {
  ChainReceipt,
  DepositOptions,
  Payer,
  SendOptions,
  SignedDeposit,
  SignedForm,
  SigningOptions,
} from './chain.ts'
import {
  allowanceFor,
  announceRequest,
  approveExactly,
  collectRequest,
  DepositFormError,
  type DepositOrder,
  depositRequest,
  stepOf,
  transferRequest,
} from './deposit.ts'
import { permitRequest } from './permit.ts'
import type { Request } from './preflight.ts'
import type { Rpc } from './rpc.ts'
import { assertPermit2, PERMIT2, signDeposit, signedRequest } from './signed-deposit.ts'

/** What a {@link Depositor} works with. */
export interface DepositorOptions {
  readonly rpc: Rpc
  readonly adjudicator: Address
  /** The account that sends. Throws if there is none. */
  readonly sender: () => Payer
  readonly send: (request: Request, options: SendOptions) => Promise<ChainReceipt>
  /** Whether a transaction for this intent was sent already. */
  readonly isKnown: (intent: string) => Promise<boolean>
  readonly now: () => Promise<bigint>
  readonly depositAddress: (order: DepositOrder) => Promise<Address>
}

/** Brings money into the adjudicator, in whichever form suits the asset and whoever pays. */
export class Depositor {
  readonly #options: DepositorOptions

  constructor(options: DepositorOptions) {
    this.#options = options
  }

  async deposit(order: DepositOrder, { by, payer, channel, announce, ...options }: DepositOptions) {
    const { adjudicator, isKnown, send, sender } = this.#options
    // What was sent already is not prepared again: the money is gone from the account.
    if (await isKnown(options.intent)) return send(depositRequest(adjudicator, order), options)
    const other = payer?.address.toLowerCase() === sender().address ? undefined : payer
    if (other && by !== undefined && !isSigned(by))
      throw new DepositFormError(
        by,
        `Only the sender's own money can be deposited by ${by}.`,
        'Choose permit2 or authorization, which the payer signs.',
      )
    if (order.ledger.asset === COIN && (other || (by !== undefined && by !== 'address')))
      throw new DepositFormError(by, 'Coins cannot be allowed or signed away.', 'Let the sender pay; leave "by" out.')
    const announced = announce ? needed(channel, by) : undefined
    const together = !other && (by === undefined || by === 'allowance')
    if (announced && !together) await send(announceRequest(adjudicator, announced), stepOf(options, 'announce'))
    if (other || isSigned(by))
      return this.#paySigned(order, other ?? sender(), { by: isSigned(by) ? by : undefined }, options)
    if (by === 'address') return this.#payToAddress(order, needed(channel, by), options)
    return this.#payFromSender(order, by, together ? announced : undefined, options)
  }

  /** An allowance that is there already, a permit, or an approval: whatever takes the fewest transactions. */
  async #payFromSender(
    order: DepositOrder,
    by: 'allowance' | 'permit' | undefined,
    announced: Channel | undefined,
    options: SendOptions,
  ): Promise<ChainReceipt> {
    const { rpc, adjudicator, sender, send, now } = this.#options
    const plain = depositRequest(adjudicator, order, announced)
    if (order.ledger.asset === COIN) return send(plain, options)
    const allowance = await allowanceFor(rpc, sender().address, adjudicator, sumOf(order))
    if (by !== 'permit' && allowance >= order.amount) return send(plain, options)
    // The contract has no form that both announces and takes a permit.
    const mayPermit = by === 'permit' || (by === undefined && !announced)
    const permit = mayPermit ? await permitRequest(rpc, sender(), adjudicator, order, await now()) : undefined
    if (permit) return send(permit, options)
    if (by === 'permit')
      throw new DepositFormError(
        by,
        `The token ${order.ledger.asset} takes no permits (ERC-2612) of ${sender().address}.`,
        'Choose another form, or leave "by" out.',
      )
    await approveExactly(send, adjudicator, { ...sumOf(order), allowance }, options)
    return send(plain, options)
  }

  async #paySigned(
    order: DepositOrder,
    payer: Payer,
    signing: SigningOptions,
    options: SendOptions,
  ): Promise<ChainReceipt> {
    const { rpc, send, sender } = this.#options
    if (signing.by === 'permit2' && payer.address === sender().address) {
      await assertPermit2(rpc)
      const allowance = await allowanceFor(rpc, payer.address, PERMIT2, sumOf(order))
      if (allowance < order.amount) await approveExactly(send, PERMIT2, { ...sumOf(order), allowance }, options)
    }
    return this.relay(await this.sign(order, payer, signing), options)
  }

  /** Both steps are found again after a restart; what is collected meanwhile by somebody else is in the ledger as well. */
  async #payToAddress(order: DepositOrder, channel: Channel, options: SendOptions): Promise<ChainReceipt> {
    const { ledger, member, amount } = order
    const { rpc, send, adjudicator, sender, isKnown, depositAddress } = this.#options
    const transfer = stepOf(options, 'transfer')
    const isNew = !(await isKnown(transfer.intent))
    if (isNew && ledger.asset !== COIN) await allowanceFor(rpc, sender().address, adjudicator, sumOf(order))
    await send(transferRequest(await depositAddress(order), ledger.asset, amount), transfer)
    return send(collectRequest(adjudicator, channel, member, ledger.asset), options)
  }

  async sign(order: DepositOrder, payer: Payer, signing: SigningOptions): Promise<SignedDeposit> {
    const { rpc, adjudicator, now } = this.#options
    return signDeposit(rpc, adjudicator, order, payer, signing, await now())
  }

  relay(deposit: SignedDeposit, options: SendOptions): Promise<ChainReceipt> {
    return this.#options.send(signedRequest(this.#options.adjudicator, deposit), options)
  }
}

const sumOf = ({ ledger: { asset }, amount }: DepositOrder) => ({ asset, amount })

const isSigned = (by: DepositOptions['by']): by is SignedForm => by === 'permit2' || by === 'authorization'

function needed(channel: Channel | undefined, by: DepositOptions['by']): Channel {
  if (channel) return channel
  throw new DepositFormError(by, 'This deposit has to show its channel.', 'Pass "channel".')
}
