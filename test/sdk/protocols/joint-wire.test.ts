import { expect } from 'chai'
import fc from 'fast-check'
import { InvalidChannelError } from '../../../sdk/core/channel.ts'
import { MalformedBytesError } from '../../../sdk/core/codec.ts'
import { COIN } from '../../../sdk/core/types.ts'
import { decodeGroupMessage, encodeGroupMessage, type GroupMessage } from '../../../sdk/protocols/joint-wire.ts'
import { groupOf, Table, wishOf } from './joint-sides.ts'

const { terms } = groupOf(5)
const read = (body: Uint8Array) => decodeGroupMessage(body, () => COIN)

describe('messages of a group', () => {
  it('come back as they were sent, whatever they are about', () => {
    const table = new Table([100n, 100n, 100n])
    const seen = new Set<string>()
    const { channelId } = table.members[0]!.joint
    const push = table.queue.push.bind(table.queue)
    table.queue.push = (...sent) => {
      for (const { message } of sent) {
        seen.add(message.kind)
        const whole: GroupMessage = { kind: 'joint', channelId, generation: 0, message }
        expect(read(encodeGroupMessage(whole))).to.deep.equal(whole)
      }
      return push(...sent)
    }
    table.members[0]!.do({ kind: 'wish', wishes: [wishOf(1, 1, 5n)] })
    table.run()
    const { complete } = table.members[0]!.joint
    table.queue.push({ from: 0, to: 1, message: { kind: 'complete', round: complete } })
    expect([...seen]).to.have.members(['ready', 'propose', 'vote', 'complete'])
    const invite: GroupMessage = {
      kind: 'invite',
      channel: terms.channel,
      asset: COIN,
      pace: { patience: 1_000, limit: 10_000 },
      addresses: terms.channel.members.map((_, index) => (index % 2 === 0 ? `tcp://host-${index}:7000` : '')),
      follows: channelId,
    }
    expect(read(encodeGroupMessage(invite))).to.deep.equal(invite)
  })

  it('are read or refused, never anything else, whatever bytes they are', () => {
    fc.assert(
      fc.property(fc.nat(16), fc.uint8Array({ maxLength: 400 }), (tag, rest) => {
        const body = new Uint8Array([tag, ...rest])
        try {
          read(body)
        } catch (error) {
          const isExpected = error instanceof MalformedBytesError || error instanceof InvalidChannelError
          expect(isExpected, `${error}`).to.equal(true)
        }
      }),
      { seed: 20_261_126, numRuns: 2_000 },
    )
  })
})
