import { once } from 'node:events'
import { action, withActor } from '../run.ts'

interface Args {
  readonly as?: string | undefined
  readonly at: string
}

export default action(({ as, at }: Args, scene) =>
  withActor(scene, as, async ({ node, name }) => {
    const address = await node.listen(at)
    console.log(`  ${name} is ${node.address} and listens at ${address}; Ctrl-C ends it`)
    await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  }),
)
