import { expect } from 'chai'
import { concat, TypedDataEncoder } from 'ethers'
import { toBytes } from '../../sdk/core/bytes.ts'
import { encodeList, laneList } from '../../sdk/core/calldata.ts'
import { claimDigest } from '../../sdk/core/claim.ts'
import type { Address, Hex, State, Transfer, Withdrawal } from '../../sdk/core/types.ts'
import batches from '../vectors/batches.json' with { type: 'json' }
import channels from '../vectors/channels.json' with { type: 'json' }
import claims from '../vectors/claims.json' with { type: 'json' }
import conditions from '../vectors/conditions.json' with { type: 'json' }
import outcomes from '../vectors/outcomes.json' with { type: 'json' }
import states from '../vectors/states.json' with { type: 'json' }
import transfers from '../vectors/transfers.json' with { type: 'json' }
import withdrawals from '../vectors/withdrawals.json' with { type: 'json' }
import words from '../vectors/words.json' with { type: 'json' }

import { ethers, harness, harnessAt, hashOfWithdrawal, networkHelpers, readState, registry, views } from './harness.ts'

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
      const [, hash, word] = await readState(stateOf(vector.state))
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
      expect(await hashOfWithdrawal(withdrawalOf(withdrawal))).to.equal(structHash)
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

  it('S16 hold for conditions: the contracts give the same answers under the same keys', async () => {
    const place = (key: string) => ethers.keccak256(ethers.concat([key, ethers.ZeroHash]))
    for (const [key, { value, recordedAt }] of Object.entries(conditions.outcomes)) {
      const packed = (BigInt(recordedAt) << 64n) | BigInt(value)
      await networkHelpers.setStorageAt(await registry.getAddress(), place(key), packed)
    }
    const { secrets, points, clocks, vouched, logic } = conditions
    const contracts = Object.entries({
      SecretCondition: secrets,
      PointCondition: points,
      ClockCondition: clocks,
      VouchedCondition: vouched,
      LogicCondition: logic,
    })
    for (const [name, list] of contracts) {
      const deployed = await ethers.deployContract(name, name === 'LogicCondition' ? [registry] : [])
      // A voucher binds the address, so the code has to stand where the vectors say.
      await networkHelpers.setCode(list[0]!.condition, await ethers.provider.getCode(deployed))
      const contract = await ethers.getContractAt(name, list[0]!.condition)
      for (const { data, witness, value, key, condition } of list) {
        expect(await views(registry)('keyOf', condition, ethers.keccak256(data))).to.equal(key)
        const answer = views(contract)('evaluate', data, witness)
        if (value === null) await expect(answer).to.be.revertedWithCustomError(contract, 'Undecided')
        else expect(await answer).to.equal(BigInt(value))
      }
    }
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
