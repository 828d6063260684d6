import type { Chain, LedgerView } from '../sdk/chain/chain.ts'
import { memberCount } from '../sdk/core/channel.ts'
import type { Address, Domain, Hex, LedgerRef } from '../sdk/core/types.ts'

const DOMAIN: Domain = { chainId: 31337n, adjudicator: `0x${'ad'.repeat(20)}` }
const HEAD = { number: 1, hash: `0x${'00'.repeat(32)}` as Hex, timestamp: 1_800_000_000n }
const RICH = 1n << 100n

/** A chain on which every ledger is funded as soon as it is watched, and nothing else happens: while payments run, a chain has no part in them. */
export function funded(sender: Address): Chain {
  const nothing = (): never => {
    throw new Error('Nothing is sent to the chain while payments are measured.')
  }
  const watched = new Set<string>()
  const keyOf = ({ channelId, asset }: LedgerRef): string => `${channelId}/${asset}`
  const viewOf = (ledger: LedgerRef): LedgerView => {
    const { channelId, asset } = ledger
    const money = watched.has(keyOf(ledger)) ? RICH : 0n
    const balances = Array<bigint>(memberCount(channelId)).fill(money)
    const word = { phase: 'open', recorded: false, generation: 0, seq: 0, balances: [money, money] } as const
    return {
      channelId,
      asset,
      head: HEAD,
      confirmedHead: HEAD,
      latest: word,
      confirmed: word,
      latestBalances: balances,
      confirmedBalances: balances,
      base: [],
      lanes: [],
    }
  }
  return {
    domain: DOMAIN,
    sender,
    onView: () => {},
    onEvent: () => {},
    onHealth: () => {},
    onAlarm: () => {},
    head: async () => HEAD,
    view: async (ledger) => viewOf(ledger),
    watch: (ledger) => void watched.add(keyOf(ledger)),
    unwatch: () => {},
    send: nothing,
    deposit: nothing,
    signDeposit: nothing,
    relayDeposit: nothing,
    depositAddress: nothing,
    collect: nothing,
    balance: async () => 0n,
    gasPrice: async () => 1n,
    claimable: async () => 0n,
    secretOf: async () => undefined,
    isSignedBy: async () => false,
    registry: `0x${'4e'.repeat(20)}`,
    survey: async (keys) => {
      const none = keys.map(() => ({ value: 0n, recordedAt: 0n }))
      return { head: HEAD, confirmedHead: HEAD, latest: none, confirmed: none }
    },
    outcomes: async () => [],
    history: async () => [],
    announced: async () => [],
    start: async () => {},
    stop: async () => {},
  }
}
