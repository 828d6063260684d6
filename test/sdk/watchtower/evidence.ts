import { channelIdOf, sortMembers } from '../../../sdk/core/channel.ts'
import { stateDigest, ZERO_HASH } from '../../../sdk/core/state.ts'
import { type Address, type Channel, COIN, type Domain, type LedgerRef, type State } from '../../../sdk/core/types.ts'
import type { EnforceableState, Evidence } from '../../../sdk/watchtower/appointment.ts'
import { signerOf } from '../node/actors.ts'

export const DOMAIN: Domain = { chainId: 31337n, adjudicator: `0x${'ad'.repeat(20)}` }

const byAddress = new Map(['alice', 'bob', 'mallory'].map((name) => [signerOf(name).address, signerOf(name)]))

/** A channel of two actors who own with their session keys. */
export function channelOf(one = 'alice', other = 'mallory', nonce = 7n, period = 600): Channel {
  const members = [one, other].map((name) => ({ signer: signerOf(name).address, owner: signerOf(name).address }))
  return { period, nonce, members: sortMembers(members) }
}

export const ledgerOf = (channel: Channel, asset: Address = COIN, domain = DOMAIN): LedgerRef => ({
  channelId: channelIdOf(domain, channel),
  asset,
})

/** A state in which the lane's writer has given `amount`, signed by both. */
export function signed(
  channel: Channel,
  over: Partial<State> & { readonly amount?: bigint },
  domain = DOMAIN,
): EnforceableState {
  const { lane = 0, amount = over.version ?? 1n, ...rest } = over
  const state: State = {
    ...ledgerOf(channel, COIN, domain),
    generation: 0,
    lane,
    version: 1n,
    credits: lane === 0 ? [-amount, amount] : [amount, -amount],
    locked: 0n,
    transfersRoot: ZERO_HASH,
    ...rest,
  }
  const digest = stateDigest(domain, state)
  return { state, signatures: channel.members.map(({ signer }) => byAddress.get(signer)!.sign(digest)) }
}

/** Evidence of these versions of lane 0 and 1; 0n: none. */
export function evidenceOf(
  channel: Channel,
  versions: readonly [bigint, bigint],
  { generation = 0, domain = DOMAIN }: { readonly generation?: number; readonly domain?: Domain } = {},
): Evidence {
  const states = versions.flatMap((version, lane) =>
    version > 0n ? [signed(channel, { version, lane, generation }, domain)] : [],
  )
  return { ...ledgerOf(channel, COIN, domain), channel, generation, states }
}
