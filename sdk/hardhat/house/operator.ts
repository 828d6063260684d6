import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Wallet } from 'ethers'
import { connectHouse } from '../../chain/house/connect-house.ts'
import { toBytes } from '../../core/bytes.ts'
import type { Address } from '../../core/types.ts'
import type { OperatorEvent } from '../../house/operator/events.ts'
import { HouseOperator } from '../../house/operator/operator.ts'
import { sessionSigner } from '../../signing/session.ts'
import { sealFile } from '../../storage/seal-file.ts'
import { openSqlite } from '../../storage/sqlite.ts'
import { memoryTransport } from '../../transport/memory.ts'
import { tcpTransport } from '../../transport/tcp.ts'
import { webSocketTransport } from '../../transport/websocket.ts'
import { network } from '../actor.ts'
import type { Scene } from '../scene.ts'
import { operatorFolder, type SavedHouse } from './scene.ts'

/** Where an operator within this process is dialled. */
export const OPERATOR_HERE = 'memory:_operator'

export interface RunningOperator {
  readonly operator: HouseOperator
  stop(): Promise<void>
}

export interface OperatorOptions {
  readonly listen: string
  readonly epochSeconds?: number
  readonly onEvent: (event: OperatorEvent) => void
}

/** Runs the operator whose key `found` made. Throws a StoreError `STORE_IN_USE` while another process does. */
export async function startOperator(
  scene: Scene,
  { house, fromBlock }: SavedHouse,
  { listen, ...options }: OperatorOptions,
): Promise<RunningOperator> {
  const folder = operatorFolder(scene, house)
  const wallet = new Wallet(readFileSync(join(folder, 'operator.key'), 'utf8').trim())
  const signer = sessionSigner(toBytes(wallet.privateKey, 32))
  const identity = { chainId: scene.chainId, adjudicator: house, signer: signer.address }
  const store = openSqlite(join(folder, 'operator.sqlite'), { identity })
  const seal = sealFile(join(folder, 'operator.seal'))
  const close = async () => {
    await store.close()
    await seal.close()
  }
  try {
    const chain = await connectHouse({ rpc: scene.wallet, store, signer: wallet, house, fromBlock })
    const transports = [memoryTransport({ signer, network }), tcpTransport({ signer }), webSocketTransport({ signer })]
    const operator = await HouseOperator.start({ ...options, chain, store, seal, signer, transports, listen: [listen] })
    const stop = async () => {
      await operator.stop()
      await close()
    }
    return { operator, stop }
  } catch (error) {
    await close()
    throw error
  }
}

/** Keeps a new operator's key for its house, readable by this user alone. */
export function keepOperatorKey(scene: Scene, house: Address, { privateKey }: { readonly privateKey: string }): void {
  const folder = operatorFolder(scene, house)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'operator.key'), `${privateKey}\n`, { mode: 0o600, flag: 'wx' })
}

/** Says what somebody has to look at. */
export function sayAlarm(event: { readonly kind: string; readonly error?: Error }): void {
  if (event.kind === 'alarm') console.log(`  alarm: ${event.error?.message}`)
}
