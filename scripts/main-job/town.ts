import { keccak256, toUtf8Bytes, Wallet } from 'ethers'
import { connectHouse } from '../../sdk/chain/house/connect-house.ts'
import { SharedHouse } from '../../sdk/chain/house/shared.ts'
import { toBytes } from '../../sdk/core/bytes.ts'
import type { Address, Hex } from '../../sdk/core/types.ts'
import { joinHouse } from '../../sdk/house/member/join.ts'
import type { HouseMember } from '../../sdk/house/member/member.ts'
import { sessionSigner } from '../../sdk/signing/session.ts'
import { memoryStore } from '../../sdk/storage/memory.ts'
import { tcpTransport } from '../../sdk/transport/tcp.ts'
import { fund } from './cast.ts'
import { JobError } from './errors.ts'
import { openHouse } from './house-operator.ts'
import { ONE } from './plan.ts'
import type { Job } from './story.ts'

/** What each has to begin with: in coins, all of them; in tokens, the second. */
const START = { coin: ONE / 1_000n, token: ONE }
/** Milliseconds: all of it takes far less. */
const LIMIT = 180_000

export interface Person {
  readonly owner: Address
  readonly join: () => Promise<HouseMember>
  member: HouseMember
}

/** The house with those who are in it, and what each should have by what it did. */
export interface Town {
  readonly job: Job
  readonly house: Address
  readonly shared: SharedHouse
  readonly people: Person[]
  readonly expected: { coin: bigint; token: bigint }[]
  readonly kill: () => Promise<void>
}

/** Founds the house, begins its operator, lets everybody join and pays everybody in. */
export async function settle(job: Job, members: number): Promise<Town> {
  const { chain, stage, screen } = job
  const { token } = stage.deployed
  const treasurer = Wallet.createRandom().connect(chain.provider)
  await fund(treasurer.address.toLowerCase() as Address, stage, chain.provider)
  const { founded, address, kill } = await openHouse(stage, chain.provider)
  const connection = await connectHouse({
    rpc: stage.rpc,
    store: memoryStore(),
    ...founded,
    signer: treasurer,
    pollMs: 100,
    confirmations: 1,
  })
  const shared = await SharedHouse.start(connection)
  const people = await Promise.all(
    Array.from({ length: members }, async (_, index): Promise<Person> => {
      const seed = keccak256(toUtf8Bytes(`member ${index}`)) as Hex
      const [signer, store] = [sessionSigner(toBytes(seed)), memoryStore()]
      const owner: Address = `0x${keccak256(toUtf8Bytes(`owner ${index}`)).slice(26)}`
      const join = () =>
        joinHouse({
          chain: shared.port(),
          signer,
          owner,
          store,
          transports: [tcpTransport({ signer })],
          operator: address,
          disputes: index === 0,
        })
      return { owner, join, member: await join() }
    }),
  )
  await until('everybody is seated', () => people.every(({ member }) => member.index !== undefined))
  const [first, second] = people
  const all = BigInt(members)
  await connection.deposit({ signer: await signerOf(0), owner: first!.owner }, 0, START.coin * all, { intent: 'coins' })
  await connection.deposit({ signer: await signerOf(1), owner: second!.owner }, 1, START.token, { intent: 'tokens' })
  await until(
    'the deposits are seen',
    () => first!.member.balance().available > 0n && second!.member.balance(token).available > 0n,
  )
  for (let at = 1; at < members; at += 1_000)
    await first!.member.payMany(
      people.slice(at, at + 1_000).map(({ member }) => ({ to: member.id, amount: START.coin })),
    )
  const expected = people.map((_, index) => ({ coin: START.coin, token: index === 1 ? START.token : 0n }))
  screen.say(
    `a clearing house of ${members.toLocaleString('en')} members in one process, its operator in another; all of them have coins`,
  )
  return { job, house: founded.house, shared, people, expected, kill }
}

const signerOf = async (index: number) =>
  sessionSigner(toBytes(keccak256(toUtf8Bytes(`member ${index}`)) as Hex)).address

export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const limit = performance.now() + LIMIT
  while (!(await isSo())) {
    if (performance.now() > limit) throw new JobError(`It took longer than ${LIMIT / 1_000} s until ${what}.`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

export const late = (what: string) =>
  new Promise<never>((_, reject) => {
    setTimeout(() => reject(new JobError(`${what} too late.`)), LIMIT).unref()
  })
