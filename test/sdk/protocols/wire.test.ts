import { expect } from 'chai'
import fc from 'fast-check'
import { COIN } from '../../../sdk/core/types.ts'
import type { Message } from '../../../sdk/protocols/messages.ts'
import {
  decodeEntry,
  decodeLedger,
  encodeEntry,
  encodeLedger,
  readBack,
  restoreLedger,
} from '../../../sdk/protocols/record.ts'
import { decodeMessage, encodeMessage } from '../../../sdk/protocols/wire.ts'
import { CHANNEL, DOMAIN, link, pair, REF, request, settlePayment } from './sides.ts'

/** One message of each kind, as two nodes send them. */
function examples(): Message[] {
  const [alice, bob] = pair()
  settlePayment(alice, bob, 10n)
  const updates = [alice.pay(1n).updates, alice.pay(2n).updates]
  const sync = alice.feed({ kind: 'connected' }).sent[0]!
  link(alice, bob)
  const [propose] = alice.feed({ kind: 'withdraw', request: request({ amount: 5n }) }).sent
  const [refuse] = bob.hear({ ...(propose as Message & { kind: 'propose' }), seq: 9 }).sent
  const [consent] = bob.hear(propose!).sent
  return [
    { kind: 'hello', protocol: 1, domain: DOMAIN, owner: CHANNEL.members[0]!.owner },
    { kind: 'open', channel: CHANNEL, assets: [COIN, CHANNEL.members[1]!.owner] },
    { kind: 'opened', channelId: REF.channelId },
    { kind: 'revoke', channelId: REF.channelId, signature: new Uint8Array(65).fill(7) },
    { kind: 'refused', about: REF.channelId, code: 'PERIOD_REFUSED', reason: 'too short' },
    { ...updates[0]!, updates: [...updates[0]!.updates, ...updates[1]!.updates] },
    bob.feed({ kind: 'connected' }).sent[0]!,
    sync,
    propose!,
    refuse!,
    consent!,
    { kind: 'more', since: undefined },
    { kind: 'more', since: 1_700_000_000 },
    { kind: 'news', frames: [Uint8Array.of(64, 1), new Uint8Array(2_048)] },
    { kind: 'announce', ...REF, capacity: 1n << 60n, time: 1_700_000_000, signature: new Uint8Array(64).fill(7) },
    { kind: 'inbound', body: new Uint8Array(300).fill(7) },
    { kind: 'swap', body: new Uint8Array(100).fill(7) },
  ]
}

fc.configureGlobal({ seed: 42 })

describe('frames between peers', () => {
  it('read back as they were written, and are written in one form only', () => {
    for (const message of examples()) {
      const frame = encodeMessage(message)
      const read = decodeMessage(frame)
      expect(read, message.kind).to.deep.equal(message)
      expect(encodeMessage(read), message.kind).to.deep.equal(frame)
    }
  })

  it('S15 are refused with a typed error when they are truncated or longer', () => {
    for (const message of examples()) {
      const frame = encodeMessage(message)
      for (let size = 0; size < frame.length; size += Math.max(1, Math.floor(frame.length / 40)))
        expect(() => decodeMessage(frame.subarray(0, size)), `${message.kind} ${size}`)
          .to.throw()
          .with.property('code')
      expect(() => decodeMessage(Uint8Array.from([...frame, 0])), message.kind).to.throw()
    }
  })

  it('S15 never crash on bytes of chance', () => {
    fc.assert(
      fc.property(fc.nat(12), fc.uint8Array({ maxLength: 400 }), (tag, body) => {
        try {
          decodeMessage(Uint8Array.from([tag, ...body]))
        } catch (error) {
          expect((error as { code?: string }).code).to.be.a('string')
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('S17 of another protocol version are refused before anything else is read', () => {
    const hello = encodeMessage({ kind: 'hello', protocol: 2, domain: DOMAIN, owner: COIN }).subarray(0, 3)
    expect(() => decodeMessage(hello))
      .to.throw()
      .with.property('code', 'UNKNOWN_PROTOCOL_VERSION')
  })
})

describe('a stored ledger', () => {
  it('reads back in every stage of a withdrawal, and frozen', () => {
    const [alice, bob] = pair()
    settlePayment(alice, bob, 10n)
    const ledgers = [alice.ledger]
    const [propose] = alice.feed({ kind: 'withdraw', request: request({ amount: 5n }) }).sent
    ledgers.push(alice.ledger)
    const [consent] = bob.hear(propose!).sent
    ledgers.push(bob.ledger, alice.hear(consent!).ledger)
    ledgers.push({ ...bob.ledger, frozen: { code: 'OLD_BACKUP', known: 1n, proved: 7n }, doubtful: true })
    for (const ledger of ledgers) {
      const stored = decodeLedger(encodeLedger(ledger), REF)
      const { own, peer, inFlight, frozen, generation, me, doubtful } = ledger
      expect(restoreLedger(stored, stored.own, stored.peer)).to.deep.include({
        own,
        peer,
        inFlight,
        frozen,
        generation,
        me,
        doubtful,
      })
    }
  })

  it('refuses bytes that it did not write', () => {
    const bytes = encodeLedger(pair()[0].ledger)
    expect(() => decodeLedger(bytes.subarray(0, bytes.length - 1), REF)).to.throw()
    expect(() => decodeLedger(Uint8Array.from([...bytes, 0]), REF)).to.throw()
  })

  it('finds what waits for an acknowledgement in its history', () => {
    const [alice, bob] = pair()
    settlePayment(alice, bob, 10n)
    const entries = [[1n, 2n], [3n]].map((amounts) => {
      const record = alice.pay(...amounts).effects.find((effect) => effect.kind === 'record')!
      return decodeEntry(encodeEntry({ time: 1_700_000_000_000, ...record }))
    })
    let lane = decodeLedger(encodeLedger(alice.ledger), REF).own
    expect(lane.from).to.equal(2n)
    for (const [index, entry] of entries.entries()) lane = readBack(lane, BigInt(index + 2), entry)
    expect(lane.unacked).to.deep.equal(alice.ledger.unacked)
  })
})
