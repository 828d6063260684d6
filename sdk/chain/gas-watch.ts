import type { Address } from '../core/types.ts'
import type { Head } from './chain.ts'
import { DelegatedSenderError, InsufficientGasMoneyError } from './errors.ts'
import { delegateOf, readMarket } from './preflight.ts'
import type { Rpc } from './rpc.ts'

const BLOCKS_BETWEEN = 25

/** Looks now and then whether an account could still pay for an answer, and says once when it could not. */
export class GasWatch {
  readonly #rpc: Rpc
  readonly #account: Address
  readonly #reserveGas: bigint
  readonly #onAlarm: (error: Error) => void
  #next = 0
  #alarmed = false

  /** @param reserveGas How much gas the account should be able to pay for. */
  constructor(rpc: Rpc, account: Address, reserveGas: bigint, onAlarm: (error: Error) => void) {
    this.#rpc = rpc
    this.#account = account
    this.#reserveGas = reserveGas
    this.#onAlarm = onAlarm
  }

  async look({ number }: Head): Promise<void> {
    if (number < this.#next) return
    const [{ baseFee, priority, gasPrice }, balance, code] = await Promise.all([
      readMarket(this.#rpc),
      this.#rpc.call((provider) => provider.getBalance(this.#account)),
      this.#rpc.call((provider) => provider.getCode(this.#account)),
    ])
    this.#next = number + BLOCKS_BETWEEN
    const needed = this.#reserveGas * (baseFee === undefined ? gasPrice : 2n * baseFee + priority)
    const delegate = delegateOf(code)
    const trouble = delegate
      ? new DelegatedSenderError(this.#account, delegate)
      : balance < needed
        ? new InsufficientGasMoneyError(this.#account, balance, needed)
        : undefined
    if (trouble && !this.#alarmed) this.#onAlarm(trouble)
    this.#alarmed = trouble !== undefined
  }
}
