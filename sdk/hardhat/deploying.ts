import { ContractFactory, type JsonRpcSigner } from 'ethers'
import type { Address, Hex } from '../core/types.ts'
import { TaskUsageError } from './errors.ts'
import { accountsOf, readSaved, type SavedDeployment, type Scene, saveDeployment, signerOf } from './scene.ts'

/** The network's first account, which pays for deployments. Throws {@link TaskUsageError}. */
export async function deployerOf(scene: Scene): Promise<JsonRpcSigner> {
  const [account] = await accountsOf(scene)
  if (!account) throw new TaskUsageError('The network has no account to deploy with. Add one in hardhat.config.ts.')
  return signerOf(scene, account)
}

/** Registry and adjudicator; they are deployed if they are not there. */
export async function deployOnce(scene: Scene): Promise<{ saved: SavedDeployment; isNew: boolean }> {
  const known = readSaved(scene.folder)
  if (known && (await scene.provider.getCode(known.adjudicator)) !== '0x') return { saved: known, isNew: false }
  const signer = await deployerOf(scene)
  const block = await scene.provider.getBlockNumber()
  const registry = await deploy(scene, signer, 'OutcomeRegistry')
  const adjudicator = await deploy(scene, signer, 'Adjudicator', registry)
  const saved = { adjudicator, registry, block }
  saveDeployment(scene, saved)
  return { saved, isNew: true }
}

/** Deploys a contract by its name. */
export async function deploy(scene: Scene, signer: JsonRpcSigner, name: string, ...args: unknown[]): Promise<Address> {
  const { abi, bytecode } = await artifactOf(scene, name)
  const contract = await new ContractFactory(abi, bytecode, signer).deploy(...args)
  await contract.waitForDeployment()
  return (await contract.getAddress()).toLowerCase() as Address
}

/** A compiled contract; everything is compiled if it is not yet. */
export async function artifactOf({ hre }: Scene, name: string) {
  if (!(await hre.artifacts.artifactExists(name))) await hre.tasks.getTask('build').run({ quiet: true })
  const { abi, bytecode } = await hre.artifacts.readArtifact(name)
  return { abi, bytecode: bytecode as Hex }
}
