import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import {
  AbiCoder,
  computeAddress,
  concat,
  dataSlice,
  getUint,
  HDNodeWallet,
  id,
  keccak256,
  recoverAddress,
  SigningKey,
  sha256,
  solidityPacked,
  solidityPackedKeccak256,
  TypedDataEncoder,
} from 'ethers'
import { directory, vectors } from '../../scripts/vectors.ts'
import { CLAIM_TYPE, REVOKE_TYPE } from '../../sdk/core/claim.ts'
import { VOUCH_TYPE } from '../../sdk/core/conditions.ts'
import { INVOICE_TYPE, PAYER_TYPE } from '../../sdk/core/invoice.ts'
import { STATE_TYPE } from '../../sdk/core/state.ts'
import { WITHDRAWAL_TYPE } from '../../sdk/core/withdrawal.ts'
import batches from '../vectors/batches.json' with { type: 'json' }
import channels from '../vectors/channels.json' with { type: 'json' }
import claims from '../vectors/claims.json' with { type: 'json' }
import conditions from '../vectors/conditions.json' with { type: 'json' }
import invoices from '../vectors/invoices.json' with { type: 'json' }
import keyrings from '../vectors/keyrings.json' with { type: 'json' }
import outcomes from '../vectors/outcomes.json' with { type: 'json' }
import points from '../vectors/points.json' with { type: 'json' }
import states from '../vectors/states.json' with { type: 'json' }
import transfers from '../vectors/transfers.json' with { type: 'json' }
import withdrawals from '../vectors/withdrawals.json' with { type: 'json' }
import words from '../vectors/words.json' with { type: 'json' }

const abi = AbiCoder.defaultAbiCoder()

type Where = { readonly chainId: string; readonly adjudicator: string }
const eip712 = ({ chainId, adjudicator }: Where) => ({
  name: 'Tallystick',
  version: '1',
  chainId,
  verifyingContract: adjudicator,
})

/** ethers' types of an EIP-712 type string. */
const typesOf = (text: string) =>
  Object.fromEntries(
    [...text.matchAll(/(\w+)\(([^)]*)\)/g)].map(([, name, fields]) => [
      name!,
      fields!.split(',').map((field) => ({ type: field.split(' ')[0]!, name: field.split(' ')[1]! })),
    ]),
  )
const digestOf = (where: Where, type: string, value: object) =>
  TypedDataEncoder.hash(eip712(where), typesOf(type), value)

const keyOf = (chainId: string, condition: string, data: string) =>
  keccak256(
    abi.encode(
      ['bytes32', 'uint256', 'address', 'bytes32'],
      [id('Tallystick outcome'), chainId, condition, keccak256(data)],
    ),
  )

/** Follows a batched envelope, byte by byte, to the root it proves. */
function rootOf(digest: string, envelope: string): string {
  const path = Number(dataSlice(envelope, 65, 69))
  const depth = (envelope.length / 2 - 1 - 69) / 32
  return Array.from({ length: depth }, (_, level) => level).reduce((node, level) => {
    const sibling = dataSlice(envelope, 69 + 32 * level, 101 + 32 * level)
    return keccak256((path >> level) & 1 ? concat(['0x01', sibling, node]) : concat(['0x01', node, sibling]))
  }, digest)
}

/** BIP-173's polynomial modulo its generator, over five-bit values. */
function checksum(values: readonly number[]): number {
  const generator = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3]
  return values.reduce((sum, value) => {
    const shifted = ((sum & 0x1ffffff) << 5) ^ value
    return generator.reduce((next, term, bit) => ((sum >> (25 + bit)) & 1 ? next ^ term : next), shifted)
  }, 1)
}

describe('Test vectors', () => {
  it('S16 are what the code computes today', () => {
    expect(readdirSync(directory).sort()).to.deep.equal(Object.keys(vectors).sort())
    for (const [name, content] of Object.entries(vectors))
      expect(
        readFileSync(join(directory, name), 'utf8'),
        `${name}: run scripts/vectors.ts if the change is meant`,
      ).to.equal(content)
  })
})

describe('Test vectors, computed by ethers alone', () => {
  it('S16 hold for channel ids and ledger ids', () => {
    for (const { domain, channel, packed, channelId, ledgers } of channels) {
      const fields = ['uint32', 'uint128', ...channel.members.flatMap(() => ['address', 'address'])]
      const values = [channel.period, channel.nonce, ...channel.members.flatMap(({ signer, owner }) => [signer, owner])]
      expect(solidityPacked(fields, values)).to.equal(packed)
      const hash = keccak256(
        abi.encode(['uint256', 'address', 'bytes32'], [domain.chainId, domain.adjudicator, keccak256(packed)]),
      )
      expect(channelId).to.equal(dataSlice(hash, 0, 31) + channel.members.length.toString(16).padStart(2, '0'))
      for (const { asset, ledgerId } of ledgers)
        expect(ledgerId).to.equal(solidityPackedKeccak256(['bytes32', 'address'], [channelId, asset]))
    }
  })

  it('S16 hold for ledger words and commitments', () => {
    const mask = (value: string, bits: number) => BigInt.asUintN(bits, BigInt(value))
    for (const { ledger, word } of words.words) {
      const bits =
        ledger.phase === 'open'
          ? [
              [mask(String(ledger.seq), 15), 15],
              [mask(ledger.balances![1]!, 112), 112],
              [mask(ledger.balances![0]!, 112), 112],
            ]
          : [
              [mask(ledger.expiry!, 40), 40],
              [mask(ledger.commitment!, 199), 199],
            ]
      const all = [
        [ledger.phase === 'open' ? 0n : 1n, 1],
        [ledger.recorded ? 1n : 0n, 1],
        [BigInt(ledger.generation), 15],
        ...bits,
      ] as [bigint, number][]
      expect(all.reduce((sum, [, size]) => sum + size, 0)).to.equal(256)
      expect(getUint(word)).to.equal(all.reduce((sum, [value, size]) => (sum << BigInt(size)) | value, 0n))
    }
    for (const { base, commitment } of words.commitments)
      expect(
        mask(
          solidityPackedKeccak256(
            base.map(() => 'uint256'),
            base,
          ),
          199,
        ),
      ).to.equal(BigInt(commitment))
  })

  it('S16 hold for state hashes, digests, lane words and signatures', () => {
    for (const vector of states) {
      const { state, digest } = vector
      const hash = TypedDataEncoder.hashStruct('State', typesOf(STATE_TYPE), state)
      expect(vector.domainSeparator).to.equal(TypedDataEncoder.hashDomain(eip712(vector.domain)))
      expect(vector.structHash).to.equal(hash)
      expect(vector.laneWord).to.equal(solidityPacked(['uint64', 'bytes24'], [state.version, dataSlice(hash, 8)]))
      expect(digest).to.equal(digestOf(vector.domain, STATE_TYPE, state))
      const key = new SigningKey(vector.privateKey)
      expect(vector.signer).to.equal(computeAddress(key).toLowerCase())
      expect(vector.signature).to.equal(key.sign(digest).compactSerialized)
      expect(vector.longSignature).to.equal(key.sign(digest).serialized)
      expect(vector.envelope).to.equal(concat(['0x00', vector.signature]))
      expect(vector.longEnvelope).to.equal(concat(['0x00', vector.longSignature]))
    }
  })

  it('S16 hold for withdrawals', () => {
    for (const { domain, withdrawal, structHash, digest, signer, ownerEnvelope } of withdrawals) {
      expect(structHash).to.equal(TypedDataEncoder.hashStruct('Withdrawal', typesOf(WITHDRAWAL_TYPE), withdrawal))
      expect(digest).to.equal(digestOf(domain, WITHDRAWAL_TYPE, withdrawal))
      expect(dataSlice(ownerEnvelope, 0, 1)).to.equal('0x02')
      expect(recoverAddress(digest, dataSlice(ownerEnvelope, 1)).toLowerCase()).to.equal(signer)
    }
  })

  it('S16 hold for batches: each envelope leads to the signed root', () => {
    for (const { domain, digests, root, digest, signer, envelopes } of batches) {
      expect(digest).to.equal(digestOf(domain, 'Batch(bytes32 root)', { root }))
      for (const [index, envelope] of envelopes.entries()) {
        if (digests.length === 1) {
          expect(recoverAddress(digests[0]!, dataSlice(envelope, 1)).toLowerCase()).to.equal(signer)
          continue
        }
        expect(dataSlice(envelope, 0, 1)).to.equal('0x01')
        expect(rootOf(digests[index]!, envelope)).to.equal(root)
        expect(recoverAddress(digest, dataSlice(envelope, 1, 65)).toLowerCase()).to.equal(signer)
      }
    }
  })

  it('S16 hold for transfers', () => {
    for (const vector of transfers) {
      const leaves = vector.transfers.map(({ amount, deadline, refundTo, legs }) => {
        const types = ['uint128', 'uint64', 'uint8', ...legs.flatMap(() => ['uint8', 'bytes32'])]
        return solidityPackedKeccak256(types, [amount, deadline, refundTo, ...legs.flatMap(({ to, key }) => [to, key])])
      })
      expect(vector.leaves).to.deep.equal(leaves)
      expect(vector.root).to.equal(leaves.length === 0 ? `0x${'0'.repeat(64)}` : keccak256(concat(leaves)))
    }
  })

  it('S16 hold for outcome keys', () => {
    for (const { chainId, condition, secret, key } of outcomes.secrets)
      expect(key).to.equal(keyOf(chainId, condition, secret))
    for (const { chainId, condition, data, key } of outcomes.conditions)
      expect(key).to.equal(keyOf(chainId, condition, data))
  })

  it('S16 hold for conditions: data, witnesses and keys', () => {
    const all = [...conditions.secrets, ...conditions.points, ...conditions.clocks, ...conditions.vouched]
    for (const { chainId, condition, data, key } of [...all, ...conditions.logic])
      expect(key).to.equal(keyOf(chainId, condition, data))
    for (const { hash, data, witness } of conditions.secrets) {
      const image = hash === 'sha256' ? sha256(witness) : keccak256(witness)
      expect(data).to.equal(abi.encode(['bool', 'bytes32'], [hash === 'sha256', image]))
    }
    for (const { point, data, witness } of conditions.points) {
      expect(SigningKey.computePublicKey(witness, true)).to.equal(point)
      expect(SigningKey.computePublicKey(witness)).to.equal(concat(['0x04', data]))
    }
    for (const { time, data } of conditions.clocks) expect(data).to.equal(abi.encode(['uint256'], [time]))
    for (const { chainId, condition, payer, payee, about, value, data, witness, digest } of conditions.vouched) {
      expect(data).to.equal(abi.encode(['address', 'address', 'bytes32'], [payer, payee, about]))
      expect(digest).to.equal(digestOf({ chainId, adjudicator: condition }, VOUCH_TYPE, { payer, payee, about, value }))
      expect(dataSlice(witness, 0, 32)).to.equal(abi.encode(['uint256'], [value]))
      expect(recoverAddress(digest, dataSlice(witness, 32, 96)).toLowerCase()).to.equal(payer)
      expect(recoverAddress(digest, dataSlice(witness, 96)).toLowerCase()).to.equal(payee)
    }
    for (const { logic, data } of conditions.logic) {
      const parts = logic.parts.map((part) =>
        typeof part === 'string' ? part : solidityPacked(['bytes32', 'uint64'], [part.key, part.weight]),
      )
      expect(data).to.equal(concat([`0x0${['and', 'or', 'sum', 'weighted'].indexOf(logic.operation)}`, ...parts]))
    }
  })

  it('S16 hold for claims and revocations', () => {
    for (const { domain, claim, digest } of claims.claims) expect(digest).to.equal(digestOf(domain, CLAIM_TYPE, claim))
    for (const { domain, channelId, digest } of claims.revocations)
      expect(digest).to.equal(digestOf(domain, REVOKE_TYPE, { channelId }))
  })

  it('S16 hold for invoices and for who pays them', () => {
    for (const { domain, invoice, memo, structHash, digest, signature, payer } of invoices) {
      expect(structHash).to.equal(TypedDataEncoder.hashStruct('Invoice', typesOf(INVOICE_TYPE), invoice))
      expect(digest).to.equal(digestOf(domain, INVOICE_TYPE, invoice))
      expect(recoverAddress(digest, signature).toLowerCase()).to.equal(invoice.payee)
      if (memo !== null) expect(invoice.memoHash).to.equal(id(memo))
      expect(payer.digest).to.equal(digestOf(domain, PAYER_TYPE, { invoice: digest, payment: payer.payment }))
      expect(recoverAddress(payer.digest, payer.signature).toLowerCase()).to.equal(payer.signer)
    }
  })

  it('S16 hold for the text of an invoice: BIP-350 over its bytes', () => {
    for (const { packed, text, signature } of invoices) {
      const data = [...text.toLowerCase().slice(6)].map((letter) => 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'.indexOf(letter))
      // The prefix "tally": high bits, a zero, low bits.
      expect(checksum([3, 3, 3, 3, 3, 0, 20, 1, 12, 12, 25, ...data])).to.equal(0x2bc830a3)
      const bits = data.slice(0, -6).map((value) => value.toString(2).padStart(5, '0'))
      const whole = bits.join('').match(/.{8}/g)!
      expect(concat(whole.map((byte) => Uint8Array.of(Number.parseInt(byte, 2))))).to.equal(packed)
      expect(dataSlice(packed, -65)).to.equal(concat(['0x40', signature]))
    }
  })

  it('S16 hold for lock points', () => {
    const publicKey = (scalar: string) => SigningKey.computePublicKey(scalar, true)
    const add = (one: string, other: string) => SigningKey.addPoints(one, other, true)
    for (const { target, point, shares, locks, scalars } of points) {
      if (target) expect(point).to.equal(publicKey(target))
      for (const [hop, share] of shares.entries()) {
        const before = hop === 0 ? point : locks[hop - 1]!
        expect(locks[hop]).to.equal(before ? add(before, publicKey(share)) : publicKey(share))
        expect(publicKey(scalars[hop]!)).to.equal(locks[hop])
      }
    }
  })

  it('derive session keys that are none of a wallet’s', () => {
    for (const { mnemonic, passphrase, signers } of keyrings) {
      const wallets = [0, 1, 7].map((index) => HDNodeWallet.fromPhrase(mnemonic, passphrase, `m/44'/60'/0'/0/${index}`))
      const addresses = wallets.map(({ address }) => address.toLowerCase())
      for (const { signer } of signers) expect(addresses).to.not.include(signer)
    }
  })
})
