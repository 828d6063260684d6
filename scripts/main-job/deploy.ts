import { join } from 'node:path'
import { type Contract, ContractFactory, type JsonRpcProvider } from 'ethers'
import { createHardhatRuntimeEnvironment } from 'hardhat/hre'
import config from '../../hardhat.config.ts'
import Tallystick from '../../ignition/modules/Tallystick.ts'
import type { Address } from '../../sdk/core/types.ts'
import { root, runTool } from '../tools.ts'
import { JobError } from './errors.ts'

/** What is on the chain before anybody opens a channel. */
export interface Deployed {
  readonly adjudicator: Address
  readonly token: Address
}

/** What the Ignition module and the demo token need; the tests' contracts are not compiled here. */
const SOURCES = [
  'Adjudicator',
  'ClearingHouse',
  'HouseCourt',
  'OutcomeRegistry',
  'conditions/SecretCondition',
  'demo/DemoToken',
]
/** Smallest units of the demo token, all of them the deployer's. */
const SUPPLY = 10n ** 30n

/** Compiles the contracts, if they changed; what the tools leave lying about goes to `folder`. */
export async function compile(folder: string): Promise<void> {
  const env = { TMPDIR: folder, TEMP: folder }
  const files = SOURCES.map((name) => join('contracts', `${name}.sol`))
  const { code, output } = await runTool('hardhat', ['build', '--no-tests', ...files], { show: false, env })
  if (code !== 0) throw new JobError(`The contracts do not compile. The compiler said:\n${output.trim()}`)
}

/** Deploys what {@link compile} compiled, with Ignition and the chain's first account; Ignition's notes go to `folder`. */
export async function deploy(url: string, provider: JsonRpcProvider, folder: string): Promise<Deployed> {
  const hre = await createHardhatRuntimeEnvironment(
    {
      ...config,
      networks: { job: { type: 'http', chainType: 'l1', url } },
      paths: { ...config.paths, ignition: join(folder, 'ignition') },
    },
    {},
    root,
  )
  const connection = await hre.network.create({ network: 'job' })
  const { adjudicator } = await connection.ignition.deploy(Tallystick)
  const { abi, bytecode } = await hre.artifacts.readArtifact('DemoToken')
  const token = await new ContractFactory([...abi], bytecode, await provider.getSigner(0)).deploy(SUPPLY)
  await token.waitForDeployment()
  await connection.close()
  return { adjudicator: await addressOf(adjudicator), token: await addressOf(token) }
}

const addressOf = async (contract: Pick<Contract, 'getAddress'>): Promise<Address> =>
  (await contract.getAddress()).toLowerCase() as Address
