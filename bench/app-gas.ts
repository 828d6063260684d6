import { AbiCoder, type BaseContract, type ContractTransactionResponse } from 'ethers'
import {
  appMoveDigest,
  appStateDigest,
  encodeInstance,
  FINAL_VERSION,
  type Instance,
  instanceIdOf,
  packAppSignatures,
  packMoves,
  packStanding,
  type Standing,
  seatKey,
} from '../sdk/core/app.ts'
import { fromUint, toBytes, toHex } from '../sdk/core/bytes.ts'
import { keccak256 } from '../sdk/core/keccak.ts'
import type { Address, Hex } from '../sdk/core/types.ts'
import { sessionSigner, signDirect } from '../sdk/signing/session.ts'

/** Seconds that a seat has on chain. */
export const BUDGET = 86_400
const KEYS = [3, 4].map((byte) => sessionSigner(new Uint8Array(32).fill(byte)))
const abi = AbiCoder.defaultAbiCoder()

/** States and moves of the apps that are measured, as their contracts encode them. */
export const encode = (type: string, values: unknown): Uint8Array => toBytes(abi.encode([type], [values]) as Hex)

/** Two seats that play by one app; whoever sends the transactions signs nothing, since session keys do not pay for gas. */
export class Table {
  readonly key: (seat: number) => Hex
  readonly #arbiter: BaseContract
  readonly #instance: Hex
  readonly #id: Hex
  readonly #domain: { readonly chainId: bigint; readonly adjudicator: Address }

  constructor(arbiter: BaseContract, address: Address, chainId: bigint, instance: Omit<Instance, 'seats' | 'budget'>) {
    const whole = { ...instance, budget: BUDGET, seats: KEYS.map((key) => key.address) }
    const source = { chainId, condition: address }
    this.#arbiter = arbiter
    this.#instance = toHex(encodeInstance(whole))
    this.#id = instanceIdOf(source, whole)
    this.#domain = { chainId, adjudicator: address }
    this.key = (seat) => seatKey(source, this.#id, seat)
  }

  submit(version: number, state: Uint8Array): Promise<ContractTransactionResponse> {
    return this.#call('submit', version, state, this.#all(version, state), '0x')
  }

  /** One forced move of `seat` to `next`. */
  move(standing: Standing, seat: number, one: Uint8Array, next: Uint8Array): Promise<ContractTransactionResponse> {
    const digest = appMoveDigest(this.#domain, this.#id, standing.version + 1, next)
    return this.#call(
      'move',
      packStanding(standing),
      packMoves([{ move: one, envelope: signDirect(KEYS[seat]!, digest) }]),
    )
  }

  conclude(standing: Standing): Promise<ContractTransactionResponse> {
    return this.#call('conclude', packStanding(standing))
  }

  agree(state: Uint8Array): Promise<ContractTransactionResponse> {
    return this.#call('agree', state, this.#all(FINAL_VERSION, state))
  }

  #all(version: number, state: Uint8Array): Uint8Array {
    const digest = appStateDigest(this.#domain, this.#id, version, state)
    return packAppSignatures(KEYS.map((key) => signDirect(key, digest)))
  }

  #call(name: string, ...args: unknown[]): Promise<ContractTransactionResponse> {
    return this.#arbiter.getFunction(name)(this.#instance, ...args)
  }
}

/** An agreed state on chain, before any forced move. */
export const standing = (version: number, state: Uint8Array): Standing => ({
  version,
  clocks: KEYS.map(() => ({ spent: 0, moved: version })),
  state,
})

/** 128 bits without zero bytes, as derived nonces mostly are. */
export const nonceOf = (count: number): bigint => BigInt(toHex(keccak256(fromUint(BigInt(count), 32)).subarray(0, 16)))
