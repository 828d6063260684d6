import { join } from 'node:path'
import { connectHouse } from '../../chain/house/connect-house.ts'
import type { HouseChain } from '../../chain/house/house-chain.ts'
import { openRpc } from '../../chain/rpc.ts'
import { describeToken } from '../../chain/token.ts'
import { parseAddress } from '../../core/address.ts'
import { toBytes } from '../../core/bytes.ts'
import { type Address, COIN, type Member } from '../../core/types.ts'
import type { MemberEvent } from '../../house/member/events.ts'
import { joinHouse } from '../../house/member/join.ts'
import type { HouseMember } from '../../house/member/member.ts'
import { keyring } from '../../signing/keyring.ts'
import { openSqlite } from '../../storage/sqlite.ts'
import { memoryTransport } from '../../transport/memory.ts'
import { tcpTransport } from '../../transport/tcp.ts'
import { webSocketTransport } from '../../transport/websocket.ts'
import { identityOf, network } from '../actor.ts'
import { formatAmount, type Unit, unitOf } from '../amounts.ts'
import { TaskUsageError } from '../errors.ts'
import { type Scene, signerOf } from '../scene.ts'
import type { Sent } from '../sent.ts'
import { recordHouseSends } from './recording.ts'
import type { SavedHouse } from './scene.ts'

/** One member of the house, as long as a task runs. */
export interface MemberActor {
  readonly name: string
  readonly house: HouseMember
  readonly chain: HouseChain
  /** What makes it up: others pay it by that. */
  readonly identity: Member
  /** Of one asset of the house. */
  unit(asset: Address): Promise<Unit>
  /** Transactions of the task. */
  readonly sent: readonly Sent[]
  /** Whether the operator has seated it in this task, and why not. */
  readonly link: { isUp: boolean; reason?: Error | undefined }
  stop(): Promise<void>
}

/** Starts the member that an actor is in this house; with the same secret and account as in its channels. */
export async function startMember(
  scene: Scene,
  name: string,
  { house, fromBlock }: SavedHouse,
  operator: string,
): Promise<MemberActor> {
  const { seed, account: owner } = await identityOf(scene, name)
  const signer = keyring(toBytes(seed)).signer()
  const identity = { chainId: scene.chainId, adjudicator: house, signer: signer.address }
  const store = openSqlite(join(scene.folder, name, `house-${house}.sqlite`), { identity })
  const link: MemberActor['link'] = { isUp: false }
  try {
    const rpc = scene.wallet
    const connected = await connectHouse({ rpc, store, house, fromBlock, signer: await signerOf(scene, owner) })
    const { chain, sent } = recordHouseSends(connected)
    const transports = [memoryTransport({ signer, network }), tcpTransport({ signer }), webSocketTransport({ signer })]
    const onEvent = (event: MemberEvent) => hear(event, link)
    // What is disputed is the user's to say: by a task of its own.
    const disputes = false
    const member = await joinHouse({ chain, signer, owner, store, transports, operator, disputes, onEvent })
    const stop = async () => {
      await member.close()
      await store.close()
    }
    const who = { signer: signer.address, owner }
    return { name, house: member, chain, identity: who, unit: (asset) => houseUnit(scene, asset), sent, link, stop }
  } catch (error) {
    await store.close()
    throw error
  }
}

function hear(event: MemberEvent, link: MemberActor['link']): void {
  if (event.kind === 'connected') link.isUp = true
  else if (event.kind === 'disconnected') Object.assign(link, { isUp: false, reason: event.reason })
  else if (event.kind === 'alarm') console.log(`  alarm: ${event.error.message}`)
}

/** The unit of an asset, asked of the token itself. */
export const houseUnit = (scene: Scene, asset: Address): Promise<Unit> =>
  unitOf(
    {
      async token(address) {
        const rpc = await openRpc(scene.wallet)
        try {
          return await describeToken(rpc, address)
        } finally {
          rpc.close()
        }
      },
    },
    asset,
  )

/** The asset meant by `--asset`; default: the coin, or the first one of a house without coins. Throws {@link TaskUsageError}. */
export function chooseHouseAsset({ house }: MemberActor, asset: string | undefined): Address {
  const { assets } = house
  if (asset === undefined) return assets.includes(COIN) ? COIN : assets[0]!
  const found = parseAddress(asset)
  if (assets.includes(found)) return found
  throw new TaskUsageError(`The house has no asset ${found}. Choose one of ${assets.join(', ')}.`)
}

/** Throws {@link TaskUsageError} if a member cannot spend so much. */
export function assertSpendable({ name, house }: MemberActor, amount: bigint, asset: Address, unit: Unit): void {
  const { available } = house.balance(asset)
  if (amount > 0n && amount <= available) return
  throw new TaskUsageError(
    `${name} can spend ${formatAmount(available, unit)} in the house. Take no more than that, or deposit first.`,
  )
}
