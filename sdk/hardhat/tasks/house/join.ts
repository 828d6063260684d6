import { connectHouse } from '../../../chain/house/connect-house.ts'
import { parseAddress } from '../../../core/address.ts'
import { memoryStore } from '../../../storage/memory.ts'
import { required, TaskUsageError } from '../../errors.ts'
import { withMember } from '../../house/run.ts'
import { readHouse, saveHouse } from '../../house/scene.ts'
import { action } from '../../run.ts'
import type { Scene } from '../../scene.ts'

interface Args {
  readonly as?: string | undefined
  readonly house?: string | undefined
  readonly at?: string | undefined
  readonly fromBlock: number
}

/** A member without a deposit can be paid. */
export default action(async (args: Args, scene) => {
  if (args.house !== undefined) await remember(scene, args.house, args)
  return withMember(scene, args, async ({ name, house, identity }) => {
    const { id, index } = house
    console.log(`  ${name} is member ${index} of the house\n  id          ${id}\n  signer      ${identity.signer}`)
    console.log(`  owner       ${identity.owner}`)
    return { id, index, ...identity }
  })
})

/** From now on, tasks act on a house that was founded elsewhere. */
async function remember(scene: Scene, text: string, { at, fromBlock }: Args): Promise<void> {
  const house = parseAddress(text)
  const where = required(at, 'at', 'tcp://host:7200')
  if (fromBlock < 0) throw new TaskUsageError(`There is no block ${fromBlock}. Give a --from-block of 0 or more.`)
  const chain = await connectHouse({ rpc: scene.wallet, store: memoryStore(), house, fromBlock })
  await chain.stop()
  if (readHouse(scene)?.house !== house) console.log(`  tasks act on the house ${house} from now on`)
  saveHouse(scene, { house, fromBlock, at: where })
}
