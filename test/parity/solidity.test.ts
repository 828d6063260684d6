import { expect } from 'chai'
import { concat, hexlify } from 'ethers'
import fc from 'fast-check'
import { toBytes, toHex } from '../../sdk/core/bytes.ts'
import { decodeReserves, encodeList, encodeReserves, laneList } from '../../sdk/core/calldata.ts'
import { channelIdOf, decodeChannel, encodeChannel, ledgerIdOf, memberOf } from '../../sdk/core/channel.ts'
import { decideLogic, logicData } from '../../sdk/core/conditions.ts'
import { domainSeparator } from '../../sdk/core/eip712.ts'
import { type Outcome, outcomeKey, WHOLE } from '../../sdk/core/outcome.ts'
import { hashState, laneWordOf, stateDigest, ZERO_HASH } from '../../sdk/core/state.ts'
import { transferLeaf, transfersRoot } from '../../sdk/core/transfer.ts'
import { type Address, COIN, type Hex, type Member, type State } from '../../sdk/core/types.ts'
import { hashWithdrawal } from '../../sdk/core/withdrawal.ts'
import { commitmentOf, decodeWord, encodeWord } from '../../sdk/core/word.ts'
import * as any from '../sdk/core/arbitraries.ts'

import {
  ethers,
  harness,
  harnessContract,
  hashOfWithdrawal,
  networkHelpers,
  readState,
  registry,
  views,
} from './harness.ts'

const RUNS = { numRuns: 60 }

describe('SDK and contracts', () => {
  it('S16 name every channel and ledger alike', async () => {
    const adjudicator = (await harnessContract.getAddress()).toLowerCase() as Address
    await fc.assert(
      fc.asyncProperty(any.channel(), fc.bigInt(0n, 2n ** 256n - 1n), any.asset, async (channel, chainId, asset) => {
        const channelId = channelIdOf({ chainId, adjudicator }, channel)
        expect(await harness('channelId', encodeChannel(channel), chainId)).to.equal(channelId)
        expect(await harness('ledgerId', channelId, asset)).to.equal(ledgerIdOf({ channelId, asset }))
      }),
      RUNS,
    )
  })

  it('S16 take and refuse the same bytes for a channel', async () => {
    const damaged = fc
      .tuple(any.channel(2, 3), fc.nat(), fc.integer({ min: 0, max: 255 }))
      .map(([channel, at, value]) => {
        const bytes = encodeChannel(channel)
        return bytes.with(at % bytes.length, value).slice(0, at % 4 === 0 ? at % bytes.length : undefined)
      })
    const takes = async (attempt: () => unknown) => {
      try {
        await attempt()
        return true
      } catch {
        return false
      }
    }
    await fc.assert(
      fc.asyncProperty(damaged, async (bytes) => {
        expect(await takes(() => decodeChannel(bytes))).to.equal(await takes(() => harness('channelId', bytes, 1n)))
      }),
      RUNS,
    )
  })

  it('S16 agree that whoever sends as the one of two members stands there', async () => {
    const shared = fc.tuple(any.channel(2, 2), fc.boolean()).map(([channel, same]) => {
      const [first, second] = channel.members as [Member, Member]
      return { ...channel, members: [first, same ? { ...second, owner: first.owner } : second] }
    })
    await fc.assert(
      fc.asyncProperty(shared, fc.constantFrom('signer', 'owner'), fc.nat(1), async (channel, role, member) => {
        const account = channel.members[member]![role]
        const stands = await Promise.all([0, 1].map((index) => harness('isAt', encodeChannel(channel), index, account)))
        const expected = stands[0] && stands[1] ? undefined : stands.indexOf(true)
        expect(memberOf(channel, account)).to.equal(expected)
      }),
      RUNS,
    )
  })

  it('S16 read and write every ledger word alike', async () => {
    await fc.assert(
      fc.asyncProperty(any.ledgerWord, async (ledger) => {
        const word = encodeWord(ledger)
        const fields = await harness('fields', word)
        expect(fields.generation).to.equal(BigInt(ledger.generation))
        expect(fields.recorded).to.equal(ledger.recorded)
        if (ledger.phase === 'open') {
          expect([fields.seq, fields.even, fields.odd]).to.deep.equal([BigInt(ledger.seq), ...ledger.balances])
          const written = await harness('openWord', ledger.generation, ledger.seq, ...ledger.balances)
          expect(decodeWord(written)).to.deep.equal({ ...ledger, recorded: false })
        } else {
          expect([fields.expiry, fields.commitment]).to.deep.equal([ledger.expiry, ledger.commitment])
          const open = encodeWord({ ...ledger, phase: 'open', seq: 5, balances: [-1n, 1n] })
          expect(await harness('disputedWord', open, ledger.expiry, ledger.commitment)).to.equal(word)
        }
      }),
      RUNS,
    )
  })

  it('S16 commit to the same words of a dispute', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.bigInt(0n, 2n ** 256n - 1n), { minLength: 2, maxLength: 3 }), async (base) => {
        const packed = concat(base.map((word) => ethers.toBeHex(word, 32)))
        expect(await harness('commitmentOf', packed)).to.equal(commitmentOf(base))
      }),
      RUNS,
    )
  })

  it('S16 hash every state alike, field by field, from packed calldata', async () => {
    await fc.assert(
      fc.asyncProperty(any.domain, any.state(), async (domain, state) => {
        const [fields, hash, word] = await readState(state)
        expect(fields.toObject(true)).to.deep.equal({
          lane: BigInt(state.lane),
          version: state.version,
          locked: state.locked,
          transfersRoot: state.transfersRoot,
          credits: state.credits,
        })
        expect(hash).to.equal(toHex(hashState(state)))
        expect(word).to.equal(laneWordOf(state))
        expect(await harness('digest', domainSeparator(domain), hash)).to.equal(toHex(stateDigest(domain, state)))
      }),
      RUNS,
    )
  })

  it('C25 refuse the same states: unbalanced, without a version, in a lane that does not exist', async () => {
    const good: State = {
      channelId: `0x${'11'.repeat(31)}02` as Hex,
      asset: COIN,
      generation: 0,
      lane: 0,
      version: 1n,
      credits: [-1n, 1n],
      locked: 0n,
      transfersRoot: ZERO_HASH,
    }
    const errors = await ethers.getContractAt('States', COIN)
    await readState(good)
    await expect(readState({ ...good, credits: [1n, 1n] })).to.be.revertedWithCustomError(errors, 'Unbalanced')
    await expect(readState({ ...good, version: 0n })).to.be.revertedWithCustomError(errors, 'ZeroVersion')
    await expect(readState({ ...good, lane: 2 })).to.be.revertedWithCustomError(errors, 'NoSuchLane')
  })

  it('S16 hash every withdrawal alike, from packed calldata', async () => {
    await fc.assert(
      fc.asyncProperty(any.withdrawal, async (withdrawal) => {
        expect(await hashOfWithdrawal(withdrawal)).to.equal(toHex(hashWithdrawal(withdrawal)))
      }),
      RUNS,
    )
  })

  it('S16 hash a withdrawal into a channel alike, whether that channel is named or shown', async () => {
    const adjudicator = (await harnessContract.getAddress()).toLowerCase() as Address
    await fc.assert(
      fc.asyncProperty(any.withdrawal, any.channel(2, 5), async (withdrawal, target) => {
        const toChannel = channelIdOf({ chainId: 1n, adjudicator }, target)
        const part = { member: 0, amount: 1n, to: COIN, toChannel, toMember: 1 }
        const into = { ...withdrawal, parts: [part, ...withdrawal.parts] }
        const hash = toHex(hashWithdrawal(into))
        expect(await hashOfWithdrawal(into)).to.equal(hash)
        expect(await hashOfWithdrawal(into, harness, new Map([[toChannel, target]]))).to.equal(hash)
      }),
      RUNS,
    )
  })

  it('S16 hash every list of transfers alike, whichever of them are shown', async () => {
    const lists = fc.array(fc.tuple(any.transfer(32), fc.boolean()), { minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(lists, async (entries) => {
        const list = entries.map(([transfer]) => transfer)
        const packed = encodeList(laneList(0, list, (_, position) => entries[position]![1]))
        const [leaves, root] = await harness('list', packed, registry)
        expect([...leaves]).to.deep.equal(list.map((transfer) => toHex(transferLeaf(transfer))))
        expect(root).to.equal(transfersRoot(list))
      }),
      RUNS,
    )
  })

  it('S16 read and write reserves alike', async () => {
    const amount = fc.bigInt(1n, 2n ** 112n - 1n)
    const reserves = fc.array(fc.record({ lane: fc.nat(255), locked: amount, reserved: amount, root: any.bytes32 }), {
      maxLength: 2,
    })
    await fc.assert(
      fc.asyncProperty(reserves, async (all) => {
        const packed = encodeReserves(all)
        const [, hash, again] = await harness('reserves', packed)
        expect(again).to.equal(hexlify(packed))
        expect(hash).to.equal(ethers.keccak256(packed))
        expect(decodeReserves(packed)).to.deep.equal(all)
      }),
      RUNS,
    )
  })

  it('S16 name every outcome alike', async () => {
    await fc.assert(
      fc.asyncProperty(any.address, any.bytes32, async (condition, hash) => {
        expect(await views(registry)('keyOf', condition, hash)).to.equal(
          outcomeKey({ chainId: 31_337n, condition }, toBytes(hash)),
        )
      }),
      RUNS,
    )
  })

  it('S16 decide every logic alike, whatever is recorded', async () => {
    const condition = await ethers.deployContract('LogicCondition', [registry])
    const where = await registry.getAddress()
    const value = fc.option(fc.oneof(fc.constantFrom(0n, WHOLE), fc.bigInt(0n, WHOLE)))
    await fc.assert(
      fc.asyncProperty(any.logic, fc.array(value, { minLength: 4, maxLength: 4 }), async (logic, values) => {
        const keys = new Set(logic.parts.map((part) => (typeof part === 'string' ? part : part.key)))
        const outcomes = new Map<Hex, Outcome>()
        for (const [index, key] of [...keys].entries()) {
          const answer = values[index % 4]
          const packed = typeof answer === 'bigint' ? (7n << 64n) | answer : 0n
          if (typeof answer === 'bigint') outcomes.set(key, { value: answer, recordedAt: 7n })
          const place = ethers.keccak256(ethers.concat([key, ethers.ZeroHash]))
          await networkHelpers.setStorageAt(where, place, packed)
        }
        const decided = decideLogic(logic, (key) => outcomes.get(key))
        const answer = views(condition)('evaluate', logicData(logic), '0x')
        if (decided === undefined) await expect(answer).to.be.revertedWithCustomError(condition, 'Undecided')
        else expect(await answer).to.equal(decided)
      }),
      RUNS,
    )
  })
})
