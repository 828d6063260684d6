import { expect } from 'chai'
import fc from 'fast-check'
import { toHex } from '../../../sdk/core/bytes.ts'
import { channelIdOf } from '../../../sdk/core/channel.ts'
import { stateDigest, ZERO_HASH } from '../../../sdk/core/state.ts'
import { COIN } from '../../../sdk/core/types.ts'
import { blankRound } from '../../../sdk/protocols/joint.ts'
import {
  type Appointment,
  appointmentOf,
  BODY_SIZE,
  clearLocator,
  type Evidence,
  GROUP_BODY_SIZE,
  InvalidAppointmentError,
  isAtLeast,
  openAppointment,
  sealOf,
  worthOf,
} from '../../../sdk/watchtower/appointment.ts'
import '../core/arbitraries.ts'
import { groupOf } from '../protocols/joint-sides.ts'
import { channelOf, DOMAIN, evidenceOf, signed } from './evidence.ts'

const channel = channelOf()
const versions = fc.tuple(fc.bigInt(0n, 1_000n), fc.bigInt(0n, 1_000n))
const how = fc.record({
  sequence: fc.bigInt(1n, 2n ** 64n - 1n),
  worth: fc.integer({ min: 0, max: 112 }),
  sealed: fc.boolean(),
})

function groupEvidence(count: number): Evidence {
  const { terms, signers } = groupOf(count)
  const ref = { channelId: channelIdOf(DOMAIN, terms.channel), asset: COIN }
  const blank = blankRound(ref, 3, count).state
  const state = {
    ...blank,
    version: 7n,
    credits: blank.credits.map((_, member) => (member === 0 ? 1n - BigInt(count) : 1n)),
  }
  const signatures = signers.map((signer) => signer.sign(stateDigest(DOMAIN, state)))
  return { ...ref, channel: terms.channel, generation: 3, states: [{ state, signatures }] }
}

const refusalOf = (action: () => unknown): string => {
  try {
    action()
  } catch (error) {
    expect(error).to.be.instanceOf(InvalidAppointmentError).with.property('code', 'INVALID_APPOINTMENT')
    return (error as Error).message
  }
  return 'none'
}

describe('an appointment', () => {
  it('gives back what was appointed, sealed or clear, to who knows the channel', () => {
    fc.assert(
      fc.property(versions, fc.nat(32_767), how, (pair, generation, options) => {
        const evidence = evidenceOf(channel, pair, { generation })
        const appointment = appointmentOf(DOMAIN, evidence, options)
        expect(openAppointment(DOMAIN, appointment, evidence)).to.deep.equal(evidence)
        if (!options.sealed) expect(openAppointment(DOMAIN, appointment)).to.deep.equal(evidence)
      }),
      { numRuns: 40 },
    )
  })

  it('has one size, whatever the ledger holds', () => {
    const locked = signed(channel, {
      version: 2n ** 64n - 1n,
      locked: 2n ** 105n,
      credits: [-(2n ** 106n - 1n), 2n ** 105n - 1n],
      transfersRoot: `0x${'ab'.repeat(32)}`,
    })
    const full: Evidence = { ...evidenceOf(channel, [0n, 9n]), states: [locked, signed(channel, { lane: 1 })] }
    for (const evidence of [full, evidenceOf(channel, [0n, 0n]), evidenceOf(channel, [1n, 0n])])
      for (const sealed of [true, false]) {
        const { body } = appointmentOf(DOMAIN, evidence, { sequence: 1n, worth: 0, sealed })
        expect(body).to.have.length(BODY_SIZE)
      }
    const again = appointmentOf(DOMAIN, full, { sequence: 1n, worth: 0, sealed: true })
    expect(openAppointment(DOMAIN, again, full)).to.deep.equal(full)
  })

  it('shows neither channel, members nor ledger when it is sealed, and is found under nothing that the chain tells', () => {
    const evidence = evidenceOf(channel, [3n, 4n])
    const { locator, body } = appointmentOf(DOMAIN, evidence, { sequence: 1n, worth: 0, sealed: true })
    const shown = `${locator}${toHex(body)}`
    const secrets = [evidence.channelId, ...channel.members.map(({ signer }) => signer)]
    for (const secret of [...secrets, clearLocator(evidence)]) expect(shown).to.not.include(secret.slice(2, 22))
    // The nonce is the secret: with another one everything else is another appointment.
    expect(sealOf(DOMAIN, { ...channel, nonce: 8n }, evidence.asset).locator).to.not.equal(locator)
    expect(sealOf({ ...DOMAIN, chainId: 1n }, channel, evidence.asset).locator).to.not.equal(locator)
  })

  it('is the same bytes for the same content, and unlike ones for another sequence', () => {
    const evidence = evidenceOf(channel, [3n, 4n])
    const bodies = [1n, 1n, 2n].map((sequence) =>
      toHex(appointmentOf(DOMAIN, evidence, { sequence, worth: 0, sealed: true }).body),
    )
    expect(bodies[0]).to.equal(bodies[1])
    expect(bodies[2]!.slice(0, 50)).to.not.equal(bodies[1]!.slice(0, 50))
  })

  it('S21 is refused when its bytes, sequence, locator or signatures are not those of its maker', () => {
    const evidence = evidenceOf(channel, [3n, 4n])
    for (const sealed of [true, false]) {
      const made = appointmentOf(DOMAIN, evidence, { sequence: 5n, worth: 0, sealed })
      fc.assert(
        fc.property(fc.nat(BODY_SIZE - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
          const body = made.body.with(at, made.body[at]! ^ by)
          expect(refusalOf(() => openAppointment(DOMAIN, { ...made, body }, evidence))).to.not.equal('none')
        }),
        { numRuns: 60 },
      )
      const other: Appointment = { ...made, locator: ZERO_HASH }
      expect(refusalOf(() => openAppointment(DOMAIN, other, evidence))).to.match(/Appoint the newest/)
    }
    const made = appointmentOf(DOMAIN, evidence, { sequence: 5n, worth: 0, sealed: true })
    expect(refusalOf(() => openAppointment(DOMAIN, { ...made, sequence: 6n }, evidence))).to.match(/cannot be read/)
    expect(refusalOf(() => openAppointment(DOMAIN, made))).to.match(/without its channel/)
    const strange = { channel: channelOf('alice', 'bob'), asset: evidence.asset }
    expect(refusalOf(() => openAppointment(DOMAIN, made, strange))).to.match(/cannot be read/)
    const forged = {
      ...evidence,
      states: [{ ...evidence.states[0]!, state: { ...evidence.states[0]!.state, version: 9n } }],
    }
    const lie = appointmentOf(DOMAIN, forged, { sequence: 5n, worth: 0, sealed: true })
    expect(refusalOf(() => openAppointment(DOMAIN, lie, evidence))).to.match(/signature over version 9/)
  })

  it('of a group has another size, the same for any number of members', () => {
    for (const count of [3, 32])
      for (const sealed of [true, false]) {
        const evidence = groupEvidence(count)
        const appointment = appointmentOf(DOMAIN, evidence, { sequence: 1n, worth: 0, sealed })
        expect(appointment.body).to.have.length(GROUP_BODY_SIZE)
        expect(openAppointment(DOMAIN, appointment, evidence)).to.deep.equal(evidence)
        const body = appointment.body.with(900, appointment.body[900]! ^ 1)
        expect(refusalOf(() => openAppointment(DOMAIN, { ...appointment, body }, evidence))).to.not.equal('none')
      }
  })

  it('tells what is at stake in steps of a thousand', () => {
    expect([0n, 1n, 1_024n, 1_025n, 10n ** 18n, 2n ** 200n].map(worthOf)).to.deep.equal([0, 10, 10, 20, 60, 112])
    fc.assert(
      fc.property(fc.bigInt(1n, 2n ** 112n), (amount) => {
        expect(amount <= 1n << BigInt(worthOf(amount))).to.equal(true)
      }),
    )
  })

  it('replaces another only if no lane is older, or its generation is later', () => {
    const of = (a: bigint, b: bigint, generation = 0) => evidenceOf(channel, [a, b], { generation })
    expect(isAtLeast(of(2n, 2n), of(2n, 2n))).to.equal(true)
    expect(isAtLeast(of(3n, 1n), of(2n, 2n))).to.equal(false)
    expect(isAtLeast(of(0n, 0n, 1), of(2n, 2n))).to.equal(true)
    expect(isAtLeast(of(9n, 9n), of(0n, 0n, 1))).to.equal(false)
    expect(isAtLeast(of(9n, 0n), of(1n, 1n))).to.equal(false)
  })
})
