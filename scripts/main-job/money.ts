import { Contract, type JsonRpcProvider } from 'ethers'
import { adjudicatorAbi, tokenAbi } from '../../sdk/chain/abi.ts'
import { type Address, COIN, type LedgerRef, type LedgerWord } from '../../sdk/core/types.ts'
import { decodeWord } from '../../sdk/core/word.ts'
import type { Deployed } from './deploy.ts'
import type { Mined } from './transactions.ts'

/** The chain's own word about money, past all nodes. */
export interface Bank {
  balance(account: Address, asset: Address): Promise<bigint>
  claimable(account: Address, asset: Address): Promise<bigint>
  word(ledger: LedgerRef): Promise<LedgerWord>
  /** Where the adjudicator reads outcomes. */
  registry(): Promise<Address>
}

export function openBank(provider: JsonRpcProvider, { adjudicator, token }: Deployed): Bank {
  const tokens = new Contract(token, tokenAbi, provider)
  const judge = new Contract(adjudicator, adjudicatorAbi, provider)
  return {
    balance: (account, asset) =>
      asset === COIN ? provider.getBalance(account) : tokens.getFunction('balanceOf')(account),
    claimable: (account, asset) => judge.getFunction('claimable')(asset, account),
    word: async ({ channelId, asset }) => decodeWord(await judge.getFunction('wordOf')(channelId, asset, 0)),
    registry: async () => (await judge.getFunction('registry')()).toLowerCase(),
  }
}

/** Wei that an account paid for gas. */
export const gasPaid = (transactions: readonly Mined[], account: Address): bigint =>
  transactions.reduce((sum, { from, fee }) => (from === account ? sum + fee : sum), 0n)

/** What an account deposited of an asset. */
export function deposited(transactions: readonly Mined[], account: Address, asset: Address): bigint {
  let total = 0n
  for (const { from, call, value, succeeded } of transactions) {
    if (from !== account || !succeeded) continue
    if (call?.name === 'depositCoin' && asset === COIN) total += value
    if (call?.name === 'deposit' && String(call.args[2]).toLowerCase() === asset) total += call.args[3] as bigint
  }
  return total
}

/** One line of the money table. */
export interface MoneyRow {
  readonly actor: string
  readonly asset: 'ETH' | 'DEMO'
  readonly start: bigint
  readonly deposited: bigint
  /** To and from other actors, by the plan. */
  readonly paid: bigint
  readonly received: bigint
  readonly gas: bigint
  /** By the chain. */
  readonly end: bigint
}

/** What an actor must have at the end, to the wei. */
export const expectedEnd = ({ start, paid, received, gas }: MoneyRow): bigint => start - paid + received - gas
