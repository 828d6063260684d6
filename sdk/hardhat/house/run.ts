import { actorName } from '../actor.ts'
import type { Scene } from '../scene.ts'
import { printSent } from '../sent.ts'
import { type MemberActor, startMember } from './member.ts'
import { untilConnected, untilQuiet } from './online.ts'
import { openPlace, type Place } from './place.ts'
import { houseOf } from './scene.ts'

/** Who acts, and where the operator is. */
export interface MemberArgs {
  readonly as?: string | undefined
  readonly at?: string | undefined
}

/** Runs `use` with a member that the operator has seated, and with that operator; prints the member's transactions, and stops both. */
export function withMember<T>(
  scene: Scene,
  args: MemberArgs,
  use: (member: MemberActor, place: Place) => Promise<T>,
): Promise<T> {
  return withPlace(scene, args.at, (place) =>
    withMemberAt(scene, args, place, async (member) => {
      await untilConnected(member, place)
      return use(member, place)
    }),
  )
}

/** Runs `use` with the operator, wherever it is. */
export async function withPlace<T>(
  scene: Scene,
  at: string | undefined,
  use: (place: Place) => Promise<T>,
): Promise<T> {
  const place = await openPlace(scene, houseOf(scene), at)
  try {
    return await use(place)
  } finally {
    await place.stop()
  }
}

/** Runs `use` with a member, whether or not its operator is there. */
export async function withMemberAt<T>(
  scene: Scene,
  { as }: MemberArgs,
  { address }: Place,
  use: (member: MemberActor) => Promise<T>,
): Promise<T> {
  const member = await startMember(scene, actorName(as, 'as'), houseOf(scene), address)
  try {
    const result = await use(member)
    await untilQuiet(member)
    printSent(member.sent)
    return result
  } finally {
    await member.stop()
  }
}
