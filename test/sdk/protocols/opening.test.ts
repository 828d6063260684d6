import { expect } from 'chai'
import { COIN } from '../../../sdk/core/types.ts'
import type { Hello } from '../../../sdk/protocols/messages.ts'
import { considerOpen, DEFAULT_POLICY, greet, type Known, type Sides } from '../../../sdk/protocols/opening.ts'
import { CHANNEL, DOMAIN, OTHER_ADDRESS, REF } from './sides.ts'

const [alice, bob] = CHANNEL.members as [(typeof CHANNEL.members)[0], (typeof CHANNEL.members)[0]]
const sides: Sides = {
  domain: DOMAIN,
  signer: bob.signer,
  owner: bob.owner,
  peerSigner: alice.signer,
  peerOwner: alice.owner,
}
const policy = { ...DEFAULT_POLICY, minPeriod: 600 }
const fresh: Known = { assets: undefined, unfunded: 0, unfundedOfAll: 0 }
const open = { kind: 'open', channel: CHANNEL, assets: [COIN] } as const

describe('agreeing on a channel', () => {
  it('answers with the id that both compute', () => {
    const { reply, accepted } = considerOpen(open, sides, policy, fresh)
    expect(reply).to.deep.equal({ kind: 'opened', channelId: REF.channelId })
    expect(accepted).to.deep.equal({ channelId: REF.channelId, assets: [COIN] })
  })

  it('takes further assets of a channel that it knows', () => {
    const more = { ...open, assets: [OTHER_ADDRESS] }
    const { accepted } = considerOpen(more, sides, policy, { assets: [COIN], unfunded: 1, unfundedOfAll: 99 })
    expect(accepted?.assets).to.deep.equal([COIN, OTHER_ADDRESS])
  })

  it('refuses a period out of its bounds, too many assets', () => {
    const short = considerOpen({ ...open, channel: { ...CHANNEL, period: 599 } }, sides, policy, fresh)
    expect(short.reply).to.include({ kind: 'refused', code: 'PERIOD_REFUSED' })
    const assets = Array.from({ length: 17 }, (_, i) => `0x${(i + 1).toString(16).padStart(40, '0')}` as const)
    expect(considerOpen({ ...open, assets }, sides, policy, fresh).reply).to.include({ code: 'TOO_MANY_ASSETS' })
  })

  it('S30 S31 takes only those assets that it is worth defending, where it names them', () => {
    const choosy = { ...policy, assets: [COIN] }
    expect(considerOpen(open, sides, choosy, fresh).accepted?.assets).to.deep.equal([COIN])
    const more = { ...open, assets: [COIN, OTHER_ADDRESS] }
    expect(considerOpen(more, sides, choosy, fresh).reply).to.include({ code: 'ASSET_REFUSED' })
  })

  it('S19 bounds channels without money, of one peer and of all', () => {
    const full = { ...fresh, unfunded: policy.maxUnfunded }
    expect(considerOpen(open, sides, policy, full).reply).to.include({ code: 'TOO_MANY_UNFUNDED_CHANNELS' })
    const crowded = { ...fresh, unfundedOfAll: policy.maxUnfundedOfAll }
    expect(considerOpen(open, sides, policy, crowded).reply).to.include({ code: 'TOO_MANY_UNFUNDED_CHANNELS' })
  })

  it('S19 takes no channel without an asset, which no bound would count', () => {
    for (const known of [fresh, { ...fresh, assets: [COIN] }])
      expect(() => considerOpen({ ...open, assets: [] }, sides, policy, known))
        .to.throw()
        .with.property('code', 'PEER_VIOLATION')
  })

  it('S21 takes no channel of other members, and none that pays other owners', () => {
    const consider = (changed: Partial<Sides>) => () => considerOpen(open, { ...sides, ...changed }, policy, fresh)
    for (const changed of [
      { signer: OTHER_ADDRESS },
      { peerSigner: OTHER_ADDRESS },
      { owner: OTHER_ADDRESS },
      { peerOwner: OTHER_ADDRESS },
    ])
      expect(consider(changed), JSON.stringify(changed)).to.throw().with.property('code', 'PEER_VIOLATION')
  })

  it('S21 talks only to peers of the same contracts on the same chain', () => {
    const hello: Hello = { kind: 'hello', protocol: 1, domain: DOMAIN, owner: alice.owner }
    expect(greet(hello, DOMAIN)).to.equal(alice.owner)
    const elsewhere = [
      { ...DOMAIN, chainId: 1n },
      { ...DOMAIN, adjudicator: OTHER_ADDRESS },
    ]
    for (const domain of elsewhere)
      expect(() => greet({ ...hello, domain }, DOMAIN))
        .to.throw()
        .with.property('code', 'PEER_ON_OTHER_CHAIN')
  })
})
