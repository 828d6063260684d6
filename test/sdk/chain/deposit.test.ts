import { expect } from 'chai'
import { Contract, type HDNodeWallet, Wallet } from 'ethers'
import { adjudicatorAbi, TOKEN_ABI } from '../../../sdk/chain/abi.ts'
import type { EthersChain } from '../../../sdk/chain/adapter.ts'
import type { DepositForm, SignedDeposit } from '../../../sdk/chain/chain.ts'
import { connectChain } from '../../../sdk/chain/connect.ts'
import type { ChainOptions } from '../../../sdk/chain/options.ts'
import { PERMIT2, parseSignedDeposit, signedDepositText } from '../../../sdk/chain/signed-deposit.ts'
import { type Address, COIN, type Hex, type LedgerRef } from '../../../sdk/core/types.ts'
import { ethersWallet, type OwnerWallet } from '../../../sdk/signing/wallet.ts'
import { memoryStore } from '../../../sdk/storage/memory.ts'
import { until } from '../../until.ts'
import { artifact, deploy, startAnvil, type TestChain } from './anvil.ts'
import { type Pair, pairOf } from './disputes.ts'

const SUPPLY = 10n ** 24n
const PAYERS = 'test/mocks/Payers.sol'
const TOKENS = {
  plain: 'contracts/demo/DemoToken.sol/DemoToken',
  permit: 'test/mocks/PermitToken.sol/PermitToken',
  old: 'test/mocks/PermitToken.sol/OldPermitToken',
  authorized: `${PAYERS}/AuthorizedToken`,
}

describe('a deposit of tokens', () => {
  let chain: TestChain
  let snapshot: unknown
  let pair: Pair
  let sender: HDNodeWallet
  const connected: EthersChain[] = []

  before(async () => {
    chain = await startAnvil()
    const { deployedBytecode } = artifact(`${PAYERS}/Permit2Mock`)
    await chain.rpc('anvil_setCode', PERMIT2, deployedBytecode)
    sender = chain.wallet(0)
  })
  beforeEach(async () => {
    snapshot = await chain.rpc('evm_snapshot')
    pair = pairOf(chain)
  })
  afterEach(async () => {
    for (const one of connected.splice(0)) await one.stop()
    await chain.rpc('evm_revert', snapshot)
  })
  after(() => chain.stop())

  async function connect(options: Partial<ChainOptions> = {}): Promise<EthersChain> {
    const deployment = { adjudicator: chain.adjudicator }
    const adapter = await connectChain({ rpc: chain.url, store: memoryStore(), deployment, pollMs: 20, ...options })
    connected.push(adapter)
    await adapter.start()
    return adapter
  }
  const tokenOf = async (kind: keyof typeof TOKENS): Promise<LedgerRef> => ({
    ...pair.ledger,
    asset: await deploy(sender, TOKENS[kind], SUPPLY),
  })
  const call = (asset: Address, by = sender) => new Contract(asset, [...TOKEN_ABI], by)
  const heldBy = (asset: Address, account: string): Promise<bigint> =>
    call(asset).getFunction('balanceOf').staticCall(account)
  const credited = async (adapter: EthersChain, ledger: LedgerRef) => (await adapter.view(ledger)).latestBalances[0]
  /** What the newest transactions of the sender called, oldest first. */
  async function sentSince(nonce: number): Promise<string[]> {
    const names: string[] = []
    for (let number = await chain.provider.getBlockNumber(); number > 0; number--) {
      const block = (await chain.provider.getBlock(number, true))!
      for (const { from, data, nonce: used } of block.prefetchedTransactions)
        if (from === sender.address && used >= nonce)
          names.unshift(
            adjudicatorAbi.parseTransaction({ data })?.name ??
              call(COIN).interface.parseTransaction({ data })?.name ??
              '',
          )
    }
    return names
  }
  /** An account that holds tokens and not a wei of gas money. */
  async function payerWith(asset: Address, amount: bigint): Promise<OwnerWallet> {
    const wallet = await ethersWallet(Wallet.createRandom())
    await (await call(asset).getFunction('transfer')(wallet.address, amount)).wait()
    return wallet
  }
  /** Lets an account without gas money approve Permit2, as it did when it still had some. */
  async function approvePermit2(asset: Address, account: Address): Promise<void> {
    const data = call(asset).interface.encodeFunctionData('approve', [PERMIT2, SUPPLY])
    await chain.rpc('anvil_impersonateAccount', account)
    await chain.rpc('anvil_setBalance', account, '0xde0b6b3a7640000')
    const hash = (await chain.rpc('eth_sendTransaction', { from: account, to: asset, data })) as string
    // The provider's own way waits for another block if this one comes between its two questions, and there is none.
    await until(async () => (await chain.provider.getTransactionReceipt(hash)) !== null)
    await chain.rpc('anvil_setBalance', account, '0x0')
    await chain.rpc('anvil_stopImpersonatingAccount', account)
  }
  const failure = (promise: Promise<unknown>): Promise<Error & { code: string }> =>
    promise.then(
      () => {
        throw new Error('It worked.')
      },
      (error) => error,
    )

  const cases: [kind: keyof typeof TOKENS, by: DepositForm | undefined, sent: string[]][] = [
    ['plain', undefined, ['approve', 'deposit']],
    ['permit', undefined, ['depositWithPermit']],
    ['old', undefined, ['approve', 'deposit']],
    ['permit', 'allowance', ['approve', 'deposit']],
    ['permit', 'permit', ['depositWithPermit']],
    ['plain', 'permit2', ['approve', 'depositWithPermit2']],
    ['authorized', 'authorization', ['depositWithAuthorization']],
    ['plain', 'address', ['transfer', 'collect']],
  ]
  for (const [kind, by, sent] of cases)
    it(`takes ${sent.join(' and ')} with a ${kind} token and ${by ? `by ${by}` : 'no form chosen'}`, async () => {
      const ledger = await tokenOf(kind)
      const adapter = await connect({ signer: sender })
      const nonce = await sender.getNonce()
      await adapter.deposit(ledger, 0, 500n, { intent: 'd', channel: pair.channel, ...(by && { by }) })
      expect(await sentSince(nonce)).to.deep.equal(sent)
      expect(await credited(adapter, ledger)).to.equal(500n)
      expect(await heldBy(ledger.asset, sender.address)).to.equal(SUPPLY - 500n)
      for (const spender of [chain.adjudicator, PERMIT2])
        expect(await call(ledger.asset).getFunction('allowance')(sender.address, spender)).to.equal(0n)
      // The same deposit is not made again.
      await adapter.deposit(ledger, 0, 500n, { intent: 'd', channel: pair.channel, ...(by && { by }) })
      expect(await credited(adapter, ledger)).to.equal(500n)
    })

  it('uses an allowance that is there before it asks for a signature', async () => {
    const ledger = await tokenOf('permit')
    await (await call(ledger.asset).getFunction('approve')(chain.adjudicator, 500n)).wait()
    const adapter = await connect({ signer: sender })
    const nonce = await sender.getNonce()
    await adapter.deposit(ledger, 0, 500n, { intent: 'd' })
    expect(await sentSince(nonce)).to.deep.equal(['deposit'])
  })

  it('announces the channel first where a form cannot do both', async () => {
    const ledger = await tokenOf('permit')
    const adapter = await connect({ signer: sender })
    const nonce = await sender.getNonce()
    const options = { intent: 'd', by: 'permit', channel: pair.channel, announce: true } as const
    await adapter.deposit(ledger, 0, 5n, options)
    expect(await sentSince(nonce)).to.deep.equal(['announce', 'depositWithPermit'])
    expect(await adapter.announced(pair.channel.members[0]!.owner)).to.have.lengthOf(1)
    await adapter.deposit(ledger, 0, 5n, { ...options, intent: 'e', by: 'allowance' })
    expect((await sentSince(nonce)).slice(2)).to.deep.equal(['approve', 'depositAnnounced'])
  })

  it('sends coins to the deposit address and collects them', async () => {
    const adapter = await connect({ signer: sender })
    await adapter.deposit(pair.ledger, 0, 7n, { intent: 'd', by: 'address', channel: pair.channel })
    expect(await credited(adapter, pair.ledger)).to.equal(7n)
  })

  it('collects what an exchange paid to the deposit address, tokens and coins, again and again', async () => {
    const ledger = await tokenOf('plain')
    const adapter = await connect({ signer: chain.wallet(3) })
    const address = await adapter.depositAddress(ledger.channelId, 0)
    for (const round of [1n, 2n]) {
      await (await call(ledger.asset).getFunction('transfer')(address, 40n)).wait()
      await (await sender.sendTransaction({ to: address, value: 3n })).wait()
      await adapter.collect(pair.channel, 0, ledger.asset, { intent: `c${round}` })
      expect(await credited(adapter, ledger)).to.equal(40n * round)
      expect(await credited(adapter, pair.ledger)).to.equal(3n * round)
    }
  })

  it('does not name a deposit address that a witness knows otherwise', async () => {
    const liar = {
      request: async ({ method, params }: { method: string; params?: unknown[] }) => {
        const answer = (await chain.rpc(method, ...(params ?? []))) as string
        const asked = (params?.[0] as { data?: string } | undefined)?.data ?? ''
        const isAddress = asked.startsWith(adjudicatorAbi.getFunction('depositAddress')!.selector)
        return isAddress ? `0x${'00'.repeat(12)}${'66'.repeat(20)}` : answer
      },
    }
    const adapter = await connect({ witnesses: [liar as never] })
    expect(await failure(adapter.depositAddress(pair.ledger.channelId, 0))).to.have.property('code', 'RPC_FAILED')
  })

  describe('that another payer signs', () => {
    it('is an authorization where the token has them, and costs the payer no gas', async () => {
      const ledger = await tokenOf('authorized')
      const payer = await payerWith(ledger.asset, 500n)
      const adapter = await connect({ signer: sender })
      const nonce = await sender.getNonce()
      await adapter.deposit(ledger, 0, 500n, { intent: 'd', payer })
      expect(await sentSince(nonce)).to.deep.equal(['depositWithAuthorization'])
      expect(await credited(adapter, ledger)).to.equal(500n)
      expect(await heldBy(ledger.asset, payer.address)).to.equal(0n)
      expect(await chain.provider.getBalance(payer.address)).to.equal(0n)
    })

    it('goes through Permit2 where the token has none, if the payer has approved that once', async () => {
      const ledger = await tokenOf('plain')
      const payer = await payerWith(ledger.asset, 500n)
      const adapter = await connect({ signer: sender })
      const refused = await failure(adapter.deposit(ledger, 0, 500n, { intent: 'd', payer }))
      expect(refused).to.include({ code: 'DEPOSIT_FORM', form: 'permit2' })
      expect(refused.message).to.match(/Approve 0x0{10}22d473.* from that account/)
      await approvePermit2(ledger.asset, payer.address)
      const nonce = await sender.getNonce()
      await adapter.deposit(ledger, 0, 500n, { intent: 'd', payer })
      expect(await sentSince(nonce)).to.deep.equal(['depositWithPermit2'])
      expect(await credited(adapter, ledger)).to.equal(500n)
    })

    it('may be signed by a contract wallet (ERC-1271) through Permit2', async () => {
      const ledger = await tokenOf('plain')
      const holder = chain.wallet(4)
      const address = await deploy(sender, `${PAYERS}/OwnedWallet`, holder.address)
      const contract = new Contract(address, artifact(`${PAYERS}/OwnedWallet`).abi, holder)
      await (await call(ledger.asset).getFunction('transfer')(address, 500n)).wait()
      const data = call(ledger.asset).interface.encodeFunctionData('approve', [PERMIT2, 500n])
      await (await contract.getFunction('run')(ledger.asset, data)).wait()
      const adapter = await connect({ signer: sender })
      const payer = { ...(await ethersWallet(holder)), address }
      await adapter.deposit(ledger, 0, 500n, { intent: 'd', payer })
      expect(await credited(adapter, ledger)).to.equal(500n)
    })

    it('is handed over as text and sent by anybody, once', async () => {
      const ledger = await tokenOf('authorized')
      const payer = await payerWith(ledger.asset, 500n)
      // Whoever pays has neither a signer nor a wei: it can only read the chain.
      const reader = await connect()
      const text = signedDepositText(pair.domain, await reader.signDeposit(ledger, 0, 300n, { payer }))
      const relayer = await connect({ signer: chain.wallet(5) })
      const signed = parseSignedDeposit(text, pair.domain)
      const { transaction } = await relayer.relayDeposit(signed, { intent: 'r' })
      expect((await chain.provider.getTransaction(transaction))!.from).to.equal(chain.wallet(5).address)
      expect(await credited(relayer, ledger)).to.equal(300n)
      expect(await failure(relayer.relayDeposit(signed, { intent: 'again' }))).to.have.property('code', 'CALL_REFUSED')
      expect(await credited(relayer, ledger)).to.equal(300n)
    })

    for (const [by, kind] of [
      ['authorization', 'authorized'],
      ['permit2', 'plain'],
    ] as const)
      it(`C15 cannot be turned elsewhere, changed or sent too late by whoever relays it, by ${by}`, async () => {
        const ledger = await tokenOf(kind)
        const payer = await payerWith(ledger.asset, 500n)
        await approvePermit2(ledger.asset, payer.address)
        const relayer = await connect({ signer: chain.wallet(5) })
        const signed = await relayer.signDeposit(ledger, 0, 300n, { payer, by, validFor: 600 })
        expect(signed.form).to.equal(by)
        const other: Hex = `0x${'77'.repeat(31)}02`
        const changes: Partial<SignedDeposit>[] = [
          { member: 1 },
          { channelId: other },
          { amount: 301n },
          { payer: sender.address.toLowerCase() as Address },
          { validUntil: signed.validUntil + 1n },
          { nonce: `0x${'07'.repeat(32)}` },
        ]
        for (const change of changes) {
          const error = await failure(
            relayer.relayDeposit({ ...signed, ...change }, { intent: JSON.stringify(Object.keys(change)) }),
          )
          expect(error, Object.keys(change).join()).to.have.property('code', 'CALL_REFUSED')
        }
        // The chain's clock runs on: a second may be over before what is in time is mined, and then it reverts.
        await chain.rpc('evm_setNextBlockTimestamp', Number(signed.validUntil) - 30)
        await chain.mine()
        const late = await chain.rpc('evm_snapshot')
        await chain.rpc('evm_setNextBlockTimestamp', Number(signed.validUntil) + 1)
        await chain.mine()
        expect(await failure(relayer.relayDeposit(signed, { intent: 'late' }))).to.have.property('code', 'CALL_REFUSED')
        await chain.rpc('evm_revert', late)
        await relayer.relayDeposit(signed, { intent: 'in time' })
        expect(await credited(relayer, ledger)).to.equal(300n)
      })

    it('is refused before anything is sent where the payer cannot pay, or has no such form', async () => {
      const ledger = await tokenOf('plain')
      const payer = await payerWith(ledger.asset, 10n)
      const adapter = await connect({ signer: sender })
      const nonce = await sender.getNonce()
      const poor = await failure(adapter.deposit(ledger, 0, 11n, { intent: 'a', payer }))
      expect(poor).to.include({ code: 'INSUFFICIENT_MONEY', account: payer.address, held: 10n, needed: 11n })
      for (const by of ['allowance', 'permit', 'address'] as const) {
        const error = await failure(adapter.deposit(ledger, 0, 5n, { intent: by, payer, by, channel: pair.channel }))
        expect(error).to.include({ code: 'DEPOSIT_FORM', form: by })
      }
      const none = await failure(adapter.deposit(ledger, 0, 5n, { intent: 'c', payer, by: 'authorization' }))
      expect(none).to.include({ code: 'DEPOSIT_FORM', form: 'authorization' })
      for (const validFor of [0, -1, 1.5, 2_592_001, Number.NaN])
        expect(await failure(adapter.signDeposit(ledger, 0, 5n, { payer, by: 'permit2', validFor }))).to.have.property(
          'code',
          'INVALID_OPTION',
        )
      expect(await sender.getNonce()).to.equal(nonce)
    })
  })

  it('is refused in a form that token, coin or chain do not have', async () => {
    const ledger = await tokenOf('plain')
    const adapter = await connect({ signer: sender })
    const nonce = await sender.getNonce()
    const refused = async (where: LedgerRef, by: DepositForm) =>
      expect(await failure(adapter.deposit(where, 0, 5n, { intent: by, by }))).to.include({
        code: 'DEPOSIT_FORM',
        form: by,
      })
    for (const by of ['permit', 'authorization', 'address'] as const) await refused(ledger, by)
    for (const by of ['allowance', 'permit', 'permit2', 'authorization'] as const) await refused(pair.ledger, by)
    await chain.rpc('anvil_setCode', PERMIT2, '0x')
    await refused(ledger, 'permit2')
    expect(await sender.getNonce()).to.equal(nonce)
  })

  it('tells that the user declined to sign', async () => {
    const ledger = await tokenOf('permit')
    const declining = Object.assign(Object.create(sender) as HDNodeWallet, {
      signTypedData: async () => {
        throw Object.assign(new Error('no'), { code: 4001 })
      },
    })
    const adapter = await connect({ signer: declining })
    const error = await failure(adapter.deposit(ledger, 0, 5n, { intent: 'a' }))
    expect(error).to.have.property('code', 'USER_REJECTED')
  })

  it('S15 is read from text only if it is complete, of this chain and of no other shape', () => {
    const deposit: SignedDeposit = {
      ...{ form: 'authorization', channelId: pair.ledger.channelId, asset: `0x${'12'.repeat(20)}`, member: 1 },
      ...{ amount: 5n, payer: `0x${'34'.repeat(20)}`, nonce: `0x${'56'.repeat(32)}`, validUntil: 1_900_000_000n },
      signature: `0x${'78'.repeat(64)}1b`,
    } as SignedDeposit
    const text = signedDepositText(pair.domain, deposit)
    expect(parseSignedDeposit(text, pair.domain)).to.deep.equal(deposit)
    const codeOf = (changed: string, domain = pair.domain) => {
      try {
        parseSignedDeposit(changed, domain)
      } catch (error) {
        return (error as { code: string }).code
      }
      return undefined
    }
    const edited = (change: object) => JSON.stringify({ ...JSON.parse(text), ...change })
    const broken = [
      '',
      'null',
      '[]',
      text.slice(1),
      `${text}${' '.repeat(20_000)}`,
      text.replace('{', '{"more":1,'),
      edited({ version: 2 }),
      edited({ form: 'permit' }),
      edited({ member: 32 }),
      edited({ amount: 5 }),
      edited({ amount: '-5' }),
      edited({ amount: '1e400' }),
      edited({ payer: '0x12' }),
      edited({ asset: deposit.asset.toUpperCase() }),
      edited({ nonce: '0x' }),
      edited({ validUntil: undefined }),
      edited({ signature: `0x${'78'.repeat(65)}` }),
      edited({ signature: '0x' }),
      edited({ form: 'permit2', signature: `0x${'78'.repeat(8_193)}` }),
    ]
    for (const one of broken) expect(codeOf(one), one.slice(0, 200)).to.equal('NOT_A_SIGNED_DEPOSIT')
    const elsewhere = { ...pair.domain, chainId: 1n }
    expect(codeOf(text, elsewhere)).to.equal('SIGNED_DEPOSIT_OF_ANOTHER_CHAIN')
  })
})
