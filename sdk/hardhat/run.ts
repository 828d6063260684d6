import { HardhatPluginError } from 'hardhat/plugins'
import type { HardhatRuntimeEnvironment } from 'hardhat/types/hre'
import type { NewTaskActionFunction } from 'hardhat/types/tasks'
import { TallystickError } from '../core/errors.ts'
import { type Actor, actorName, chooseChannel, localAddress, localPeers, startActor } from './actor.ts'
import { openScene, type Scene } from './scene.ts'
import { printSent } from './sent.ts'

/** A task's action: errors that tell what to do are shown as one sentence, without a stack trace. */
export function action<Args extends object>(
  run: (args: Args, scene: Scene) => Promise<unknown>,
): NewTaskActionFunction<Args> {
  return async (args: Args, hre: HardhatRuntimeEnvironment) => {
    let scene: Scene | undefined
    try {
      scene = await openScene(hre)
      return await run(args, scene)
    } catch (error) {
      if (!(error instanceof TallystickError)) throw error
      throw new HardhatPluginError('tallystick', error.message, error)
    } finally {
      scene?.provider.destroy()
    }
  }
}

/** Runs `use` with an actor's node, prints its transactions, and stops it. */
export async function withActor<T>(
  scene: Scene,
  name: string | undefined,
  use: (actor: Actor) => Promise<T>,
): Promise<T> {
  const actor = await startActor(scene, actorName(name, 'as'))
  try {
    const result = await use(actor)
    printSent(actor.sent)
    return result
  } finally {
    await actor.stop()
  }
}

/** Runs `use` with an actor and those of its peers that live on this machine too. */
export async function withPeers<T>(
  scene: Scene,
  { as, channel }: { readonly as?: string | undefined; readonly channel?: string | undefined },
  use: (actor: Actor) => Promise<T>,
): Promise<T> {
  return withActor(scene, as, async (actor) => {
    const { peer } = chooseChannel(actor, channel)
    const peers: Actor[] = []
    try {
      for (const name of localPeers(scene, [peer])) peers.push(...(await startUnlessRunning(scene, name)))
      // Whoever was dialled from elsewhere before knows no address here. If both dial at once, one attempt gives way.
      for (const { name } of peers) await actor.node.connect(localAddress(name), { peer }).catch(() => {})
      return await use(actor)
    } finally {
      for (const one of peers) await one.stop()
    }
  })
}

/** An actor that runs in another process ("tally listen") is reached there. */
async function startUnlessRunning(scene: Scene, name: string): Promise<Actor[]> {
  try {
    return [await startActor(scene, name)]
  } catch (error) {
    if (error instanceof TallystickError && error.code === 'STORE_IN_USE') return []
    throw error
  }
}
