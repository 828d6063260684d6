import { realpathSync } from 'node:fs'
import { ChainError } from '../chain/errors.ts'
import { connectHouse } from '../chain/house/connect-house.ts'
import type { EthersHouse } from '../chain/house/ethers-house.ts'
import { SharedHouse } from '../chain/house/shared.ts'
import { parseAddress } from '../core/address.ts'
import type { Address, Domain, Hex } from '../core/types.ts'
import { transportFor } from '../house/member/join.ts'
import type { HouseTower, HouseTowerEvent } from '../house/tower/tower.ts'
import { reasonOf } from '../node/chain/reason.ts'
import { sessionSigner } from '../signing/session.ts'
import { openSqlite } from '../storage/sqlite.ts'
import type { Store } from '../storage/store.ts'
import { tcpTransport } from '../transport/tcp.ts'
import type { Transport } from '../transport/transport.ts'
import { webSocketTransport } from '../transport/websocket.ts'
import { chainIdOf } from './connect.ts'
import { type DaemonArgs, type Desk, runDaemon, type Service } from './daemon.ts'
import { keepExit } from './exit-folder.ts'
import { identityKey, readKey, UsageError } from './files.ts'
import { type HouseChainArgs, houseOptions } from './house-connection.ts'
import { houseTowerMetrics } from './house-tower-metrics.ts'
import { HouseTowers } from './house-towers.ts'
import { assertFolder, WatchFolder } from './watch-folder.ts'

/** Options of `tallystick house-tower`. */
export interface HouseTowerArgs extends HouseChainArgs, DaemonArgs {
  readonly keyFile: string
  readonly passwordFile?: string
  readonly store: string
  readonly identityFile?: string
  readonly operator?: string
  readonly watch: string
  readonly exits?: string
}

/** Watches a house for the members of a folder's watch files until it is stopped. */
export async function houseTower(args: HouseTowerArgs): Promise<void> {
  assertFolders(args)
  const wallet = await readKey(args.keyFile, args.passwordFile)
  const signer = sessionSigner(identityKey(args.identityFile ?? `${args.store}.identity`))
  const transports = [tcpTransport({ signer }), webSocketTransport({ signer })]
  if (args.operator !== undefined) transportFor(args.operator, transports)
  const domain: Domain = { chainId: await chainIdOf(args), adjudicator: parseAddress(args.house) }
  const account = wallet.address.toLowerCase() as Address
  await runDaemon(args, async (desk) => {
    // Of the account that sends: what it has under way goes on with it alone.
    const store = openSqlite(args.store, { identity: { ...domain, signer: account } })
    try {
      const chain = await connectHouse(houseOptions(args, wallet, store))
      return await watching({ args, desk, store, chain, tower: signer.address, transports }).catch(async (error) => {
        await chain.stop()
        throw error
      })
    } catch (error) {
      await store.close()
      throw error
    }
  })
}

function assertFolders({ watch, exits }: HouseTowerArgs): void {
  assertFolder(watch, 'watch')
  if (exits === undefined) return
  assertFolder(exits, 'exits')
  if (realpathSync(exits) === realpathSync(watch))
    throw new UsageError(`Exit files in ${exits} would be taken for watch files. Choose another --exits.`)
}

interface Parts {
  readonly args: HouseTowerArgs
  readonly desk: Desk
  readonly store: Store
  readonly chain: EthersHouse
  readonly transports: readonly Transport[]
  /** By which the operator knows it. */
  readonly tower: Address
}

async function watching({ args, desk, store, chain, transports, tower }: Parts): Promise<Service> {
  const { watch, operator } = args
  const metrics = houseTowerMetrics(desk)
  const exits = exitsIn(args.exits, chain.domain, metrics.alarmed)
  let isStopping = false
  const tell = (member: Hex, event: HouseTowerEvent) => {
    // What the stop itself breaks off needs nobody.
    if (isStopping && event.kind === 'alarm') return
    metrics.told(member, event)
    if (event.kind === 'epoch' || event.kind === 'final') exits(towers.of(member))
  }
  const shared = await SharedHouse.start(chain, { onHealth: metrics.healthy, onAlarm: metrics.alarmed })
  const options = { store, transports, ...(operator !== undefined && { operator }) }
  const towers: HouseTowers = new HouseTowers({ chain, shared, options, tell })
  const folder = folderOf(watch, desk, metrics.alarmed, async (text) => {
    const taken = await towers.take(text)
    exits(taken)
    return taken
  })
  await folder.start()
  metrics.follow(towers, chain)
  greet(desk, tower, chain, towers)
  return {
    fault: metrics.fault,
    async stop() {
      isStopping = true
      await folder.stop()
      await shared.stop()
      await towers.stop()
      for (const one of towers.all) exits(one)
      await store.close()
    },
  }
}

type Alarmed = (error: Error, about?: object) => void

function folderOf(
  folder: string,
  { log }: Desk,
  alarmed: Alarmed,
  take: (text: string) => Promise<HouseTower>,
): WatchFolder {
  /** Files for which the chain was asked in vain, and why. */
  const failing = new Map<string, string>()
  return new WatchFolder({
    folder,
    async take(file, text) {
      const { member } = await take(text)
      failing.delete(file)
      log.info({ file, member }, 'watching')
    },
    onFailed(file, error) {
      // The file is not to blame, and is tried again; that is told once.
      const isChain = error instanceof ChainError
      if (!isChain || failing.get(file) !== reasonOf(error)) alarmed(error, { file })
      if (isChain) failing.set(file, reasonOf(error))
      return isChain
    },
    onGone: (file) => log.warn({ file }, 'file gone, its member is watched until a restart'),
  })
}

/** Writes exit files where there is a folder for them. */
function exitsIn(
  folder: string | undefined,
  domain: Domain,
  onFailed: (error: Error) => void,
): (tower: HouseTower | undefined) => void {
  return (tower) => {
    if (folder === undefined || !tower) return
    try {
      keepExit(folder, domain, tower.member, tower.exitFile())
    } catch (error) {
      onFailed(error as Error)
    }
  }
}

/** What a member has to know, and whoever runs it to check. */
function greet({ log }: Desk, tower: Address, { domain, sender }: EthersHouse, towers: HouseTowers): void {
  log.info({ tower, account: sender, house: domain.adjudicator, members: towers.all.length }, 'ready')
}
