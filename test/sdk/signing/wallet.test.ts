import { expect } from 'chai'
import { type TypedDataDomain, verifyTypedData, Wallet } from 'ethers'
import { network } from 'hardhat'
import { toHex } from '../../../sdk/core/bytes.ts'
import type { TypedMessage } from '../../../sdk/core/eip712.ts'
import { ZERO_HASH } from '../../../sdk/core/state.ts'
import { COIN, type Domain, type Hex, type Withdrawal } from '../../../sdk/core/types.ts'
import { withdrawalMessage } from '../../../sdk/signing/typed-data.ts'
import { type Eip1193Provider, eip1193Wallet, ethersWallet, WalletError } from '../../../sdk/signing/wallet.ts'

const channelId: Hex = `0x${'11'.repeat(31)}02`
const domain: Domain = { chainId: 31_337n, adjudicator: `0x${'ad'.repeat(20)}` }
const withdrawal: Withdrawal = {
  channelId,
  asset: COIN,
  generation: 3,
  seq: 1,
  parts: [{ member: 0, amount: 10n ** 30n, to: COIN, toChannel: ZERO_HASH, toMember: 0 }],
  closing: true,
  validUntil: 2n ** 64n - 1n,
  dispute: 0n,
}
const message = withdrawalMessage(domain, withdrawal)

const signerOf = ({ domain: where, types, message: value }: TypedMessage, signature: Uint8Array) =>
  verifyTypedData(where as TypedDataDomain, types, value, toHex(signature)).toLowerCase()

const failure = async (promise: Promise<unknown>): Promise<WalletError> => {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).to.be.instanceOf(WalletError).with.property('code', 'WALLET')
  return error as WalletError
}

/** A wallet whose answers are given: a user declining cannot be automated otherwise. */
const answering = (answers: Record<string, () => unknown>): Eip1193Provider => ({
  request: async ({ method }) => answers[method]?.(),
})
const declining = () => {
  throw Object.assign(new Error('User rejected the request.'), { code: 4001 })
}

describe('Owner wallet', () => {
  it('signs typed data through an ethers signer', async () => {
    const wallet = await ethersWallet(Wallet.createRandom())
    expect(wallet.address).to.match(/^0x[0-9a-f]{40}$/)
    expect(signerOf(message, await wallet.signTypedData(message))).to.equal(wallet.address)
  })

  it('signs typed data through an EIP-1193 provider, with its first account or the one that is asked for', async () => {
    const { provider } = await network.create()
    const accounts = (await provider.request({ method: 'eth_accounts' })) as string[]
    const first = await eip1193Wallet(provider)
    expect(first.address).to.equal(accounts[0]!.toLowerCase())
    expect(signerOf(message, await first.signTypedData(message))).to.equal(first.address)
    const second = await eip1193Wallet(provider, accounts[1] as Hex)
    expect(signerOf(message, await second.signTypedData(message))).to.equal(accounts[1]!.toLowerCase())
  })

  it('passes on a contract wallet’s signature of any length', async () => {
    const provider = answering({
      eth_requestAccounts: () => [domain.adjudicator],
      eth_signTypedData_v4: () => `0x${'5a'.repeat(130)}`,
    })
    const wallet = await eip1193Wallet(provider)
    expect((await wallet.signTypedData(message)).length).to.equal(130)
  })

  it('says that its user declined', async () => {
    const refused = await eip1193Wallet(answering({ eth_signTypedData_v4: declining }), domain.adjudicator)
    const error = await failure(refused.signTypedData(message))
    expect(error.rejected).to.equal(true)
    expect(error.cause).to.have.property('code', 4001)
    expect((await failure(eip1193Wallet(answering({ eth_requestAccounts: declining })))).rejected).to.equal(true)
  })

  it('says that it has no account, or answers with something else than a signature', async () => {
    for (const accounts of [[], undefined, [7]])
      expect((await failure(eip1193Wallet(answering({ eth_requestAccounts: () => accounts })))).rejected).to.equal(
        false,
      )
    const broken = await eip1193Wallet(answering({ eth_signTypedData_v4: () => 'yes' }), domain.adjudicator)
    expect((await failure(broken.signTypedData(message))).rejected).to.equal(false)
  })
})
