import type { BaseContract, ContractTransactionResponse } from 'ethers'
import { network } from 'hardhat'
import { fromUint, toBytes, toHex } from '../sdk/core/bytes.ts'
import {
  clockData,
  logicData,
  pointData,
  secretData,
  vouchDigest,
  vouchedData,
  vouchedWitness,
} from '../sdk/core/conditions.ts'
import { keccak256 } from '../sdk/core/keccak.ts'
import type { Address, Hex } from '../sdk/core/types.ts'
import { sessionSigner } from '../sdk/signing/session.ts'

/** Gas of one question: its contract's deployment, `evaluate` by itself, and the transaction that records its answer. */
export interface ConditionGas {
  readonly name: string
  readonly deploy: number
  readonly evaluate: number
  readonly record: number
}

interface Step {
  readonly depth: number
  readonly gas: number
  readonly gasCost: number
}

/** The public key of the scalar 12345, compressed. */
const POINT = toBytes('0x03f01d6b9018ab421dd410404cb869072065522bf85734008f105cf385a023a80f')

/** Measures every condition with cold slots: each answer is recorded in a transaction of its own, parts of a logic before it. */
export async function measureConditions(): Promise<ConditionGas[]> {
  const { ethers } = await network.create({ network: 'default' })
  const { chainId } = await ethers.provider.getNetwork()
  const registry = await ethers.deployContract('OutcomeRegistry')
  const rows: ConditionGas[] = []
  const contracts = new Map<string, BaseContract>()

  async function at(contract: string): Promise<{ condition: Address; deploy: number }> {
    const args = contract === 'LogicCondition' ? [registry] : []
    const deployed = contracts.get(contract) ?? (await ethers.deployContract(contract, args))
    contracts.set(contract, deployed)
    const receipt = await deployed.deploymentTransaction()!.wait()
    return { condition: (await deployed.getAddress()).toLowerCase() as Address, deploy: Number(receipt!.gasUsed) }
  }

  async function measure(name: string, contract: string, data: Uint8Array, witness: Uint8Array): Promise<void> {
    const { condition, deploy } = await at(contract)
    const sent: ContractTransactionResponse = await registry.getFunction('record')(condition, data, witness)
    const receipt = await sent.wait()
    const { structLogs } = await ethers.provider.send('debug_traceTransaction', [sent.hash, { disableStorage: true }])
    const inside = (structLogs as Step[]).filter(({ depth }) => depth === 2)
    const evaluate = inside[0]!.gas - inside.at(-1)!.gas + inside.at(-1)!.gasCost
    rows.push({ name, deploy, evaluate, record: Number(receipt!.gasUsed) })
  }

  async function reveal(count: number): Promise<Hex[]> {
    const secrets = Array.from({ length: count }, (_, i) => toHex(keccak256(Uint8Array.of(count, i))))
    await registry.getFunction('revealBatch')(secrets)
    const where = await registry.getAddress()
    return Promise.all(secrets.map((secret) => registry.getFunction('keyOf')(where, ethers.keccak256(secret))))
  }

  const secret = keccak256(Uint8Array.of(1))
  const none = new Uint8Array()
  await measure('secret, SHA-256', 'SecretCondition', secretData('sha256', toBytes(ethers.sha256(secret))), secret)
  await measure('secret, keccak-256', 'SecretCondition', secretData('keccak256', keccak256(secret)), secret)
  await measure('point', 'PointCondition', pointData(POINT), fromUint(12345n, 32))
  await measure('clock', 'ClockCondition', clockData(1_700_000_000n), none)
  const { condition } = await at('VouchedCondition')
  const [payer, payee] = [sessionSigner(secret), sessionSigner(keccak256(secret))]
  const vouched = { payer: payer.address, payee: payee.address, about: toHex(secret) }
  const value = 333_333_333_333_333_333n
  const digest = vouchDigest({ chainId, condition }, vouched, value)
  const witness = vouchedWitness(value, payer.sign(digest), payee.sign(digest))
  await measure('value that both vouch for', 'VouchedCondition', vouchedData(vouched), witness)
  for (const count of [2, 64]) {
    const keys = await reveal(count)
    await measure(`and of ${count}`, 'LogicCondition', logicData({ operation: 'and', parts: keys }), none)
    const parts = keys.map((key) => ({ key, weight: 10n ** 18n / BigInt(count) }))
    await measure(`weighted sum of ${count}`, 'LogicCondition', logicData({ operation: 'weighted', parts }), none)
  }
  return rows
}
