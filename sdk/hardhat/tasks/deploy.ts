import { ContractFactory, type JsonRpcSigner } from 'ethers'
import type { Address } from '../../core/types.ts'
import { TaskUsageError } from '../errors.ts'
import { action } from '../run.ts'
import { accountsOf, readSaved, type SavedDeployment, type Scene, saveDeployment, signerOf } from '../scene.ts'

/** Deploys registry and adjudicator with the network's first account; on a second call it only fills in what is missing. */
export default action(async ({ token }: { readonly token: boolean }, scene) => {
  const [account] = await accountsOf(scene)
  if (!account) throw new TaskUsageError('The network has no account to deploy with. Add one in hardhat.config.ts.')
  const signer = await signerOf(scene, account)
  let saved = readSaved(scene.folder)
  if (saved && (await scene.provider.getCode(saved.adjudicator)) !== '0x')
    console.log('The contracts are there already.')
  else saved = await deployAll(scene, signer)
  if (token && !saved.token) saved = { ...saved, token: await deploy(scene, signer, 'DemoToken', 10n ** 24n) }
  saveDeployment(scene, saved)
  console.log(`  adjudicator ${saved.adjudicator}\n  registry    ${saved.registry}`)
  if (saved.token) console.log(`  token       ${saved.token}`)
  return saved
})

async function deployAll(scene: Scene, signer: JsonRpcSigner): Promise<SavedDeployment> {
  const block = await scene.provider.getBlockNumber()
  const registry = await deploy(scene, signer, 'OutcomeRegistry')
  const adjudicator = await deploy(scene, signer, 'Adjudicator', registry)
  return { adjudicator, registry, block }
}

async function deploy({ hre }: Scene, signer: JsonRpcSigner, name: string, ...args: unknown[]): Promise<Address> {
  if (!(await hre.artifacts.artifactExists(name))) await hre.tasks.getTask('build').run({ quiet: true })
  const { abi, bytecode } = await hre.artifacts.readArtifact(name)
  const contract = await new ContractFactory(abi, bytecode, signer).deploy(...args)
  await contract.waitForDeployment()
  return (await contract.getAddress()).toLowerCase() as Address
}
