import { secp256k1 } from '@noble/curves/secp256k1.js'
import { expect } from 'chai'
import { type BaseContract, concat, hexlify, TypedDataEncoder } from 'ethers'
import fc from 'fast-check'
import { network } from 'hardhat'
import { batchDigest, batchTree, provenRoot, rootOf } from '../../sdk/core/batch.ts'
import { toBytes, toHex } from '../../sdk/core/bytes.ts'
import {
  decodeReserves,
  encodeList,
  encodeReserves,
  encodeState,
  encodeWithdrawal,
  laneList,
} from '../../sdk/core/calldata.ts'
import { channelIdOf, decodeChannel, encodeChannel, ledgerIdOf, memberOf } from '../../sdk/core/channel.ts'
import { claimDigest } from '../../sdk/core/claim.ts'
import { domainSeparator } from '../../sdk/core/eip712.ts'
import { encodeEnvelope } from '../../sdk/core/envelope.ts'
import { outcomeKey } from '../../sdk/core/outcome.ts'
import { hashState, laneWordOf, stateDigest, ZERO_HASH } from '../../sdk/core/state.ts'
import { transferLeaf, transfersRoot } from '../../sdk/core/transfer.ts'
import {
  type Address,
  COIN,
  type Hex,
  type Member,
  type State,
  type Transfer,
  type Withdrawal,
} from '../../sdk/core/types.ts'
import { hashWithdrawal } from '../../sdk/core/withdrawal.ts'
import { commitmentOf, decodeWord, encodeWord } from '../../sdk/core/word.ts'
import { sessionSigner, signBatch } from '../../sdk/signing/session.ts'
import { verifyEnvelope } from '../../sdk/signing/signature.ts'
import * as any from '../sdk/core/arbitraries.ts'
import batches from '../vectors/batches.json' with { type: 'json' }
import channels from '../vectors/channels.json' with { type: 'json' }
import claims from '../vectors/claims.json' with { type: 'json' }
import outcomes from '../vectors/outcomes.json' with { type: 'json' }
import states from '../vectors/states.json' with { type: 'json' }
import transfers from '../vectors/transfers.json' with { type: 'json' }
import withdrawals from '../vectors/withdrawals.json' with { type: 'json' }
import words from '../vectors/words.json' with { type: 'json' }

const { ethers } = await network.create()
/** Calls views of a contract by name. */
const views =
  (contract: BaseContract) =>
  (name: string, ...args: unknown[]) =>
    contract.getFunction(name).staticCall(...args)

const registry = await ethers.deployContract('OutcomeRegistry')
const harnessContract = await ethers.deployContract('ParityHarness')
const harness = views(harnessContract)
const RUNS = { numRuns: 60 }

/** The harness where a vector's adjudicator stands: channel ids bind the address. */
async function harnessAt(address: string) {
  await ethers.provider.send('hardhat_setCode', [address, await ethers.provider.getCode(harnessContract)])
  return views(await ethers.getContractAt('ParityHarness', address))
}

// Vectors hold integers as decimal strings.
const stateOf = (vector: (typeof states)[number]['state']): State => ({
  ...vector,
  channelId: vector.channelId as Hex,
  asset: vector.asset as Address,
  version: BigInt(vector.version),
  credits: vector.credits.map(BigInt),
  locked: BigInt(vector.locked),
  transfersRoot: vector.transfersRoot as Hex,
})
const withdrawalOf = (vector: (typeof withdrawals)[number]['withdrawal']): Withdrawal => ({
  ...vector,
  channelId: vector.channelId as Hex,
  asset: vector.asset as Address,
  parts: vector.parts.map((part) => ({
    ...part,
    amount: BigInt(part.amount),
    to: part.to as Address,
    toChannel: part.toChannel as Hex,
  })),
  validUntil: BigInt(vector.validUntil),
  dispute: BigInt(vector.dispute),
})
const transferOf = (vector: (typeof transfers)[number]['transfers'][number]): Transfer => ({
  ...vector,
  amount: BigInt(vector.amount),
  deadline: BigInt(vector.deadline),
  legs: vector.legs.map(({ to, key }) => ({ to, key: key as Hex })),
})

const read = (state: State) => harness('state', encodeState(state), state.channelId, state.asset, state.generation)
const hashInSolidity = (withdrawal: Withdrawal, at = harness, targets = new Map()) => {
  const base = withdrawal.dispute === 0n ? [] : [1n, 2n]
  const packed = encodeWithdrawal(withdrawal, [], base, targets)
  return at(
    'withdrawalHash',
    packed,
    32 * base.length,
    withdrawal.channelId,
    withdrawal.asset,
    withdrawal.generation,
    1n,
  )
}

describe('Test vectors, computed by the contracts', () => {
  it('S16 hold for channel ids and ledger ids', async () => {
    for (const { domain, packed, channelId, ledgers } of channels) {
      const there = await harnessAt(domain.adjudicator)
      expect(await there('channelId', packed, domain.chainId)).to.equal(channelId)
      for (const { asset, ledgerId } of ledgers) expect(await there('ledgerId', channelId, asset)).to.equal(ledgerId)
    }
  })

  it('S16 hold for ledger words and commitments', async () => {
    for (const { ledger, word } of words.words) {
      const fields = await harness('fields', word)
      expect(fields.disputed).to.equal(ledger.phase === 'disputed')
      expect(fields.recorded).to.equal(ledger.recorded)
      expect(fields.generation).to.equal(BigInt(ledger.generation))
      if (ledger.phase === 'open') {
        expect(fields.seq).to.equal(BigInt(ledger.seq!))
        expect([fields.even, fields.odd]).to.deep.equal(ledger.balances!.map(BigInt))
      } else {
        expect(fields.expiry).to.equal(BigInt(ledger.expiry!))
        expect(fields.commitment).to.equal(BigInt(ledger.commitment!))
      }
    }
    for (const { base, commitment } of words.commitments)
      expect(await harness('commitmentOf', concat(base.map((word) => ethers.toBeHex(word, 32))))).to.equal(
        BigInt(commitment),
      )
  })

  it('S16 hold for state hashes, digests, lane words and signatures', async () => {
    for (const vector of states) {
      const [, hash, word] = await read(stateOf(vector.state))
      expect(hash).to.equal(vector.structHash)
      expect(word).to.equal(BigInt(vector.laneWord))
      expect(await harness('digest', vector.domainSeparator, hash)).to.equal(vector.digest)
      for (const envelope of [vector.envelope, vector.longEnvelope])
        expect((await harness('signerOf', envelope, vector.digest, vector.domainSeparator)).toLowerCase()).to.equal(
          vector.signer,
        )
    }
  })

  it('S16 hold for withdrawals and their owners’ signatures', async () => {
    for (const { withdrawal, structHash, digest, signer, ownerEnvelope } of withdrawals) {
      expect(await hashInSolidity(withdrawalOf(withdrawal))).to.equal(structHash)
      expect(await harness('isByOwner', ownerEnvelope, digest, signer)).to.equal(true)
    }
  })

  it('S16 hold for batches', async () => {
    for (const { domain, digests, signer, envelopes } of batches) {
      const separator = TypedDataEncoder.hashDomain({
        name: 'Tallystick',
        version: '1',
        chainId: domain.chainId,
        verifyingContract: domain.adjudicator,
      })
      for (const [index, envelope] of envelopes.entries())
        expect((await harness('signerOf', envelope, digests[index]!, separator)).toLowerCase()).to.equal(signer)
    }
  })

  it('S16 hold for transfers', async () => {
    for (const { transfers: list, leaves, root } of transfers) {
      if (list.length === 0) continue
      const packed = encodeList(laneList(0, list.map(transferOf), () => true))
      const [computed, computedRoot] = await harness('list', packed, registry)
      expect([...computed]).to.deep.equal(leaves)
      expect(computedRoot).to.equal(root)
    }
  })

  it('S16 hold for outcome keys', async () => {
    for (const { condition, secret, key } of outcomes.secrets)
      expect(await views(registry)('keyOf', condition, ethers.keccak256(secret))).to.equal(key)
    for (const { condition, data, key } of outcomes.conditions)
      expect(await views(registry)('keyOf', condition, ethers.keccak256(data))).to.equal(key)
  })

  it('S16 hold for claims: the adjudicator takes the owner’s signature over the digest', async () => {
    const [{ claim, digest, domain }] = claims.claims as [(typeof claims.claims)[number]]
    // The domain binds the address, so the claim is signed anew for an adjudicator at another address, with nonce 0.
    const adjudicator = await ethers.deployContract('Adjudicator', [registry])
    const owner = ethers.Wallet.createRandom()
    const where = {
      chainId: BigInt(domain.chainId),
      adjudicator: (await adjudicator.getAddress()).toLowerCase() as Address,
    }
    const typed = {
      asset: claim.asset as Address,
      to: claim.to as Address,
      amount: BigInt(claim.amount),
      validUntil: BigInt(claim.validUntil),
      owner: owner.address.toLowerCase() as Address,
      nonce: 0n,
    }
    const call = (signed: Uint8Array) =>
      views(adjudicator)(
        'claimFor',
        typed.asset,
        typed.owner,
        typed.to,
        typed.amount,
        typed.validUntil,
        owner.signingKey.sign(signed).serialized,
      )
    // With a good signature the only thing missing is money to claim.
    await expect(call(claimDigest(where, typed))).to.be.revertedWithCustomError(adjudicator, 'NothingToClaim')
    await expect(call(toBytes(digest))).to.be.revertedWithCustomError(adjudicator, 'BadSignature')
  })
})

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
        const [fields, hash, word] = await read(state)
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
    await read(good)
    await expect(read({ ...good, credits: [1n, 1n] })).to.be.revertedWithCustomError(errors, 'Unbalanced')
    await expect(read({ ...good, version: 0n })).to.be.revertedWithCustomError(errors, 'ZeroVersion')
    await expect(read({ ...good, lane: 2 })).to.be.revertedWithCustomError(errors, 'NoSuchLane')
  })

  it('S16 hash every withdrawal alike, from packed calldata', async () => {
    await fc.assert(
      fc.asyncProperty(any.withdrawal, async (withdrawal) => {
        expect(await hashInSolidity(withdrawal)).to.equal(toHex(hashWithdrawal(withdrawal)))
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
        expect(await hashInSolidity(into)).to.equal(hash)
        expect(await hashInSolidity(into, harness, new Map([[toChannel, target]]))).to.equal(hash)
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
})

describe('SDK and contracts on signatures', () => {
  const domain = { chainId: 31_337n, adjudicator: `0x${'ad'.repeat(20)}` } as const
  const separator = domainSeparator(domain)
  const alice = sessionSigner(new Uint8Array(32).fill(5))
  const digests = Array.from({ length: 5 }, (_, i) => new Uint8Array(32).fill(i + 1))
  const countsOnChain = async (envelope: Uint8Array, digest: Uint8Array, signer: Address) =>
    (await harness('signerOf', envelope, digest, separator)).toLowerCase() === signer

  it('C8 count and refuse the same envelopes, damaged in any byte', async () => {
    const good = [...signBatch(alice, domain, digests), ...signBatch(alice, domain, digests.slice(0, 1))]
    const damaged = fc.tuple(fc.constantFrom(...good.keys()), fc.nat(), fc.integer({ min: 0, max: 255 }), fc.nat(3))
    await fc.assert(
      fc.asyncProperty(damaged, async ([which, at, value, kind]) => {
        const envelope = good[which]!
        const index = at % envelope.length
        const bytes = [
          envelope,
          envelope.with(index, value),
          envelope.slice(0, index),
          Uint8Array.of(...envelope, value),
        ][kind]!
        const digest = digests[which % 5]!
        const here = verifyEnvelope(domain, digest, bytes, alice.address)
        const there = await countsOnChain(bytes, digest, alice.address)
        // The SDK may be stricter (path bits that nobody reads), never more lenient.
        if (here) expect(there).to.equal(true)
        if (there) expect(here || isPathOnly(envelope, bytes)).to.equal(true)
      }),
      { numRuns: 200 },
    )
  })

  const isPathOnly = (envelope: Uint8Array, bytes: Uint8Array) =>
    bytes.length === envelope.length && bytes.every((byte, i) => byte === envelope[i] || (i >= 65 && i < 69))

  it('C8 count nobody’s batch that is deeper than 20 levels, even one forged for a digest of zero', async () => {
    // Anyone can make r = (kP).x, s = r / k a signature of P over a digest of zero, so no such digest may reach ecrecover.
    const { Fn } = secp256k1.Point
    const nonce = secp256k1.Point.fromBytes(secp256k1.getPublicKey(new Uint8Array(32).fill(5)))
      .multiply(12_345n)
      .toAffine()
    const r = Fn.create(nonce.x)
    const s = Fn.div(r, 12_345n)
    const low = s > Fn.ORDER / 2n
    const yParityAndS = (low ? Fn.ORDER - s : s) | ((low ? nonce.y ^ 1n : nonce.y) & 1n ? 1n << 255n : 0n)
    const forged = concat([ethers.toBeHex(r, 32), ethers.toBeHex(yParityAndS, 32)])
    // The forgery itself is sound: over zero it recovers to alice.
    expect((await harness('signerOf', concat(['0x00', forged]), ZERO_HASH, separator)).toLowerCase()).to.equal(
      alice.address,
    )
    const envelope = concat(['0x01', forged, '0x00000000', new Uint8Array(32 * 21)])
    expect(await harness('signerOf', envelope, digests[0]!, separator)).to.equal(ethers.ZeroAddress)
  })

  it('C8 take a batch of exactly 20 levels', async () => {
    const siblings = Array.from({ length: 20 }, (_, level) => new Uint8Array(32).fill(level))
    const proof = { path: 0b1010_1100_1111_0000_1010, siblings }
    const signature = alice.sign(batchDigest(domain, provenRoot(digests[0]!, proof)))
    const envelope = encodeEnvelope({ kind: 'batched', signature, proof })
    expect(await countsOnChain(envelope, digests[0]!, alice.address)).to.equal(true)
    expect(verifyEnvelope(domain, digests[0]!, envelope, alice.address)).to.equal(true)
  })

  it('C14 take no signature over a batch’s root for one over the digest', async () => {
    const root = rootOf(batchTree(digests))
    const direct = encodeEnvelope({ kind: 'direct', signature: alice.sign(batchDigest(domain, root)) })
    expect(await countsOnChain(direct, root, alice.address)).to.equal(false)
  })
})
