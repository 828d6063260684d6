import { Wallet } from 'ethers'
import { type Founding, foundHouse } from '../../../chain/house/deploy.ts'
import { isDevelopment } from '../../../chain/rpc.ts'
import { parseAddress } from '../../../core/address.ts'
import { type Address, COIN } from '../../../core/types.ts'
import { artifactOf, deployerOf, deployOnce } from '../../deploying.ts'
import { TaskUsageError } from '../../errors.ts'
import { keepOperatorKey } from '../../house/operator.ts'
import { readHouse, saveHouse } from '../../house/scene.ts'
import { action } from '../../run.ts'
import { type Scene, saveDeployment } from '../../scene.ts'

interface Args {
  readonly operator?: string | undefined
  readonly at?: string | undefined
  readonly asset?: string | undefined
  readonly interval: number
  readonly window: number
  readonly answerTime: number
  readonly anew: boolean
}

/** What an operator that is made here gets for gas: some thousands of commits. */
const GAS_MONEY = 10n ** 18n
const ANSWER_TIME_EACH = 60n

/** Founds a house with the network's first account; registry and court are those of the scene, and made if there are none. */
export default action(async (args: Args, scene) => {
  const known = readHouse(scene)
  if (known && !args.anew) {
    console.log(`The house is there already; --anew founds another.\n  house       ${known.house}`)
    return known
  }
  const times = timesOf(args)
  const assets = args.asset === undefined ? [COIN] : [COIN, parseAddress(args.asset)]
  const hired = args.operator === undefined ? hire(scene) : undefined
  const operator = hired ? (hired.address.toLowerCase() as Address) : parseAddress(args.operator!)
  const { house, fromBlock } = await found(scene, { ...times, assets, operator })
  if (hired) await equip(scene, house, hired)
  const saved = { house, fromBlock, ...(args.at !== undefined && { at: args.at }) }
  saveHouse(scene, saved)
  console.log(`  house       ${house}\n  operator    ${operator}${hired ? ', whose key is here' : ''}`)
  return saved
})

function timesOf({ interval, window, answerTime }: Args) {
  for (const [option, value] of Object.entries({ interval, window, 'answer-time': answerTime }))
    if (value < 1) throw new TaskUsageError(`${value} seconds are no time. Give --${option} at least 1.`)
  return {
    interval: BigInt(interval),
    window: BigInt(window),
    answerTime: BigInt(answerTime),
    answerTimeEach: ANSWER_TIME_EACH,
    answerTimeMost: 2n * BigInt(answerTime) + 2n * ANSWER_TIME_EACH,
  }
}

/** An account for an operator that runs here. Its key lies in a plain file, which is good enough for play money alone. */
function hire({ chainId }: Scene): Pick<Wallet, 'address' | 'privateKey'> {
  if (isDevelopment(chainId)) return Wallet.createRandom()
  throw new TaskUsageError(
    'Only on a development chain an operator can be made here. Name the account of one with --operator, and run it with "tallystick house".',
  )
}

async function found(scene: Scene, founding: Omit<Founding, 'registry'>) {
  const { saved } = await deployOnce(scene)
  const { registry, court } = saved
  const code = {
    house: (await artifactOf(scene, 'ClearingHouse')).bytecode,
    court: (await artifactOf(scene, 'HouseCourt')).bytecode,
  }
  const founded = await foundHouse(await deployerOf(scene), code, { ...founding, registry, ...(court && { court }) })
  saveDeployment(scene, { ...saved, court: founded.court })
  return founded
}

async function equip(scene: Scene, house: Address, operator: Pick<Wallet, 'address' | 'privateKey'>): Promise<void> {
  keepOperatorKey(scene, house, operator)
  const deployer = await deployerOf(scene)
  await (await deployer.sendTransaction({ to: operator.address, value: GAS_MONEY })).wait()
}
