import { fileURLToPath } from 'node:url'
import type { Address, ChannelId } from '../../sdk/core/types.ts'
import { Helper } from '../hub/ipc.ts'
import type { Place, Played, Rate } from './player.ts'

// Two players, and perhaps a hub between them, each in a process of its own.

const peer = (place: Place) => new Helper(fileURLToPath(new URL('./peer.ts', import.meta.url)), place)

/** What the first player of a table can be asked to do. */
export interface Table {
  play(games: number, ms: number): Promise<Played>
  payVirtually(callers: number, ms: number): Promise<Rate & { readonly opened: number }>
  /** In the first player's own channel: to the other one, or to the hub. */
  payDirectly(callers: number, ms: number): Promise<Rate>
  stop(): Promise<void>
}

/** Two players over TCP with durable stores in `folder`. */
export async function tableOf(folder: string, options: { byCode?: boolean; overHub?: boolean }): Promise<Table> {
  const { byCode = false, overHub = false } = options
  const name = `${byCode ? 'code' : 'twin'}-${overHub ? 'hub' : 'direct'}`
  const place = (who: string, isHub: boolean): Place => ({
    name: `${name}-${who}`,
    file: `${folder}/${name}-${who}.sqlite`,
    byCode,
    isHub,
  })
  const [one, other] = [peer(place('one', false)), peer(place('other', false))]
  const hub = overHub ? peer(place('hub', true)) : undefined
  const address = await other.ask<string>('listen')
  const to = await other.ask<Address>('address')
  let channelId: ChannelId
  if (hub) {
    channelId = await one.ask('open', await hub.ask<string>('listen'))
    const last = await hub.ask<ChannelId>('open', address)
    await one.ask('connect', address)
    await one.ask('known', { channelId: last, channels: 2 })
    await other.ask('known', { channelId, channels: 2 })
  } else channelId = await one.ask('open', address)
  const all = [one, other, ...(hub ? [hub] : [])]
  return {
    play: (games, ms) => one.ask('play', { to, games, ms }),
    payVirtually: (callers, ms) => one.ask('payVirtually', { to, callers, ms }),
    payDirectly: (callers, ms) => one.ask('payDirectly', { channelId, callers, ms }),
    stop: async () => {
      for (const player of all) await player.ask('stop').catch(() => {})
      for (const player of all) await player.stop()
    },
  }
}
