import { expect } from 'chai'
import fc from 'fast-check'
import { toHex } from '../../../sdk/core/bytes.ts'
import { UnencodableError } from '../../../sdk/core/codec.ts'
import { encodeHopPayload, type FinalPayload } from '../../../sdk/routing/hop-payload.ts'
import {
  createOnion,
  InvalidOnionError,
  MAX_HOPS,
  ONION_SIZE,
  type OnionContext,
  type OnionHop,
  peelOnion,
} from '../../../sdk/routing/onion.ts'
import { onionKey } from '../../../sdk/signing/onion-key.ts'
import { address, bytes32 } from '../core/arbitraries.ts'
import { peelByHand, wrapByHand } from './by-hand.ts'

const keyBytes = (hop: number) => new Uint8Array(32).fill(hop + 1)
const nodes = Array.from({ length: MAX_HOPS }, (_, hop) => onionKey(keyBytes(hop)))
const context: OnionContext = { key: `0x${'11'.repeat(32)}`, asset: `0x${'22'.repeat(20)}`, deadline: 1_900_000_000n }
const session = new Uint8Array(32).fill(0xee)

const anyContext: fc.Arbitrary<OnionContext> = fc.record({
  key: bytes32,
  asset: address,
  deadline: fc.bigInt(0n, 2n ** 64n - 1n),
})
const anyPayload = fc.uint8Array({ maxLength: 150 })
const anySession = fc.uint8Array({ minLength: 32, maxLength: 32 })

/** A route over the first nodes with these payloads. */
const route = (payloads: readonly Uint8Array[], contexts: readonly OnionContext[] = []): OnionHop[] =>
  payloads.map((payload, hop) => ({ publicKey: nodes[hop]!.publicKey, payload, context: contexts[hop] ?? context }))

/** What every hop finds. */
function travel(first: Uint8Array, hops: readonly OnionHop[]) {
  let packet: Uint8Array | undefined = first
  return hops.map(({ context }, hop) => {
    const at = packet!
    const peeled = peelOnion(nodes[hop]!, at, context)
    packet = peeled.next
    return { ...peeled, packet: at }
  })
}

const refuses = (action: () => unknown, reason: InvalidOnionError['reason']) =>
  expect(action).to.throw(InvalidOnionError).with.property('reason', reason)

describe('Onion', () => {
  it('tells each hop its own payload, and the last one that it is the last', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(anyPayload, anyContext), { minLength: 1, maxLength: 8 }),
        anySession,
        (layers, random) => {
          const hops = route(
            layers.map(([payload]) => payload),
            layers.map(([, each]) => each),
          )
          const { packet, replies } = createOnion(random, hops)
          const found = travel(packet, hops)
          expect(found.map(({ payload }) => toHex(payload))).to.deep.equal(layers.map(([payload]) => toHex(payload)))
          expect(found.map(({ reply }) => toHex(reply))).to.deep.equal(replies.map(toHex))
          expect(found.map(({ next }) => next === undefined)).to.deep.equal(
            layers.map((_, hop) => hop === layers.length - 1),
          )
        },
      ),
      { numRuns: 30 },
    )
  })

  it('has one size, at every hop of every route', () => {
    for (const length of [1, 2, 7, MAX_HOPS]) {
      const hops = route(Array.from({ length }, (_, hop) => new Uint8Array(5 * hop).fill(hop)))
      for (const { packet } of travel(createOnion(session, hops).packet, hops))
        expect(packet.length).to.equal(ONION_SIZE)
    }
  })

  it('holds twenty payloads with every field and the largest amounts', () => {
    const locked = {
      asset: context.asset,
      amount: 2n ** 106n - 1n,
      deadline: 2n ** 40n - 1n,
      mode: 'sprites',
      share: new Uint8Array(32).fill(1),
    } as const
    const forward = encodeHopPayload({ kind: 'forward', channelId: context.key, ...locked })
    const last: FinalPayload = {
      kind: 'final',
      ...locked,
      invoice: context.key,
      total: locked.amount,
      paymentId: `0x${'33'.repeat(16)}`,
    }
    const final = encodeHopPayload({ ...last, payerSignature: new Uint8Array(64).fill(5) })
    const hops = route([...Array.from({ length: MAX_HOPS - 1 }, () => forward), final])
    const found = travel(createOnion(session, hops).packet, hops)
    expect(toHex(found[MAX_HOPS - 1]!.payload)).to.equal(toHex(final))
    // In a swap one of them may deliver what its invoice promises; who pays itself need not show who it is.
    const delivery = encodeHopPayload({ kind: 'forward', channelId: context.key, ...locked, invoice: context.key })
    const swap = route([delivery, ...Array.from({ length: MAX_HOPS - 2 }, () => forward), encodeHopPayload(last)])
    expect(toHex(travel(createOnion(session, swap).packet, swap)[0]!.payload)).to.equal(toHex(delivery))
  })

  it('looks like another packet after each hop', () => {
    const hops = route(Array.from({ length: 6 }, () => new Uint8Array(100)))
    const windows = travel(createOnion(session, hops).packet, hops).flatMap(({ packet }) =>
      Array.from({ length: ONION_SIZE - 9 }, (_, at) => toHex(packet.subarray(1 + at, 9 + at))),
    )
    // Eight equal bytes anywhere in any two of them would link them.
    expect(new Set(windows).size).to.equal(windows.length)
  })

  it('tells the payee nothing of the route’s length by what stands behind its payload', () => {
    for (const length of [1, 4]) {
      const hops = route(Array.from({ length }, () => new Uint8Array(100).fill(7)))
      const last = travel(createOnion(session, hops).packet, hops)[length - 1]!
      const { rest } = peelByHand(keyBytes(length - 1), last.packet, context)
      const runs = Array.from({ length: 2_600 }, (_, at) =>
        rest.subarray(at, at + 6).every((byte) => byte === rest[at]),
      )
      expect(runs.filter(Boolean)).to.deep.equal([])
    }
  })

  it('is the same only for the same randomness', () => {
    const hops = route([Uint8Array.of(1), Uint8Array.of(2)])
    const [one, again] = [createOnion(session, hops), createOnion(session, hops)]
    const other = createOnion(session.with(31, 1), hops)
    expect(toHex(again.packet)).to.equal(toHex(one.packet))
    expect(toHex(other.packet.subarray(1, 33))).to.not.equal(toHex(one.packet.subarray(1, 33)))
    expect(toHex(other.replies[0]!)).to.not.equal(toHex(one.replies[0]!))
  })

  it('shows a replay by its tag, and no two hops the same one', () => {
    const hops = route([Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)])
    const tags = (random: Uint8Array) => travel(createOnion(random, hops).packet, hops).map(({ tag }) => toHex(tag))
    expect(tags(session)).to.deep.equal(tags(session))
    expect(new Set([...tags(session), ...tags(session.with(31, 1))]).size).to.equal(6)
    expect(tags(session)[0]!.length).to.equal(2 + 32)
  })

  it('is refused with another payment: another key, asset or deadline', () => {
    fc.assert(
      fc.property(anyContext, anyContext, (meant, other) => {
        const { packet } = createOnion(session, route([Uint8Array.of(1)], [meant]))
        for (const changed of [
          { ...meant, key: other.key },
          { ...meant, asset: other.asset },
          { ...meant, deadline: other.deadline },
        ])
          if (JSON.stringify(Object.values(changed).map(String)) !== JSON.stringify(Object.values(meant).map(String)))
            refuses(() => peelOnion(nodes[0]!, packet, changed), 'mac')
      }),
      { numRuns: 30 },
    )
  })

  it('is refused by any node but the one it was made for', () => {
    const { packet } = createOnion(session, route([Uint8Array.of(1), Uint8Array.of(2)]))
    refuses(() => peelOnion(nodes[1]!, packet, context), 'mac')
    refuses(() => peelOnion(nodes[0]!, peelOnion(nodes[0]!, packet, context).next!, context), 'mac')
  })

  it('S15 is refused with any bit changed, at any hop', () => {
    const hops = route([Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)])
    const packets = travel(createOnion(session, hops).packet, hops).map(({ packet }) => packet)
    fc.assert(
      fc.property(fc.nat(2), fc.nat(ONION_SIZE - 1), fc.nat(7), (hop, at, bit) => {
        const packet = packets[hop]!
        expect(() => peelOnion(nodes[hop]!, packet.with(at, packet[at]! ^ (1 << bit)), context)).to.throw(
          InvalidOnionError,
        )
      }),
      { numRuns: 200 },
    )
    // The top bit of an ephemeral key does not change the point: the packet must still be one packet.
    refuses(() => peelOnion(nodes[0]!, packets[0]!.with(32, packets[0]![32]! ^ 0x80), context), 'mac')
  })

  it('S15 is refused for a wrong size, version or key, and as random bytes', () => {
    const { packet } = createOnion(session, route([Uint8Array.of(1)]))
    for (const bad of [new Uint8Array(), packet.slice(1), Uint8Array.of(...packet, 0)])
      refuses(() => peelOnion(nodes[0]!, bad, context), 'size')
    refuses(() => peelOnion(nodes[0]!, packet.with(0, 2), context), 'version')
    for (const low of [new Uint8Array(32), new Uint8Array(32).with(0, 1)]) {
      const bad = packet.slice()
      bad.set(low, 1)
      refuses(() => peelOnion(nodes[0]!, bad, context), 'key')
    }
    fc.assert(
      fc.property(fc.uint8Array({ minLength: ONION_SIZE, maxLength: ONION_SIZE }), (random) => {
        expect(() => peelOnion(nodes[0]!, random.with(0, 1), context)).to.throw(InvalidOnionError)
      }),
      { numRuns: 10 },
    )
  })

  it('S15 is refused where its sender sealed a payload that does not fit, or has no end', () => {
    const made = (...start: number[]) => {
      const plain = new Uint8Array(2_767)
      plain.set(start)
      return wrapByHand(session, nodes[0]!.publicKey, plain, context)
    }
    // 2,750 bytes and a mac fit; one more does not; 0x81 0x00 is a second form of 1; 0xff... is endless.
    expect(peelOnion(nodes[0]!, made(0xbd, 0x15), context).payload.length).to.equal(2_749)
    refuses(() => peelOnion(nodes[0]!, made(0xbe, 0x15), context), 'layout')
    refuses(() => peelOnion(nodes[0]!, made(0x81, 0x00), context), 'layout')
    refuses(() => peelOnion(nodes[0]!, made(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), context), 'layout')
  })

  it('is not made for no hops, too many, too much to say, or a node without a key', () => {
    const refusesToMake = (hops: OnionHop[], random = session) =>
      expect(() => createOnion(random, hops)).to.throw(UnencodableError)
    refusesToMake([])
    refusesToMake([...route(Array.from({ length: MAX_HOPS }, () => new Uint8Array())), ...route([new Uint8Array()])])
    refusesToMake(route([new Uint8Array(2_750)]))
    refusesToMake(route([new Uint8Array(1_400), new Uint8Array(1_332)]))
    refusesToMake(route([new Uint8Array()]), new Uint8Array(31))
    refusesToMake([{ publicKey: new Uint8Array(32), payload: new Uint8Array(), context }])
    const fits = route([new Uint8Array(1_400), new Uint8Array(1_331)])
    expect(travel(createOnion(session, fits).packet, fits)[1]!.payload.length).to.equal(1_331)
  })
})
