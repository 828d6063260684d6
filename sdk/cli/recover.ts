import type { EthersChain } from '../chain/adapter.ts'
import { parseAddress } from '../core/address.ts'
import { toBytes, toHex } from '../core/bytes.ts'
import { encodeChannel } from '../core/channel.ts'
import type { Address, Channel, ChannelId, LedgerRef } from '../core/types.ts'
import type { ExitFile } from '../node/leaving/exit.ts'
import { type Keyring, keyring } from '../signing/keyring.ts'
import { type ChainArgs, withChain } from './connect.ts'
import { readText, wholeNumber, writeNew } from './files.ts'
import { showLedger } from './inspect.ts'
import { printer } from './output.ts'

/** Options of `tallystick recover`. */
export interface RecoverArgs extends ChainArgs {
  readonly seedFile: string
  readonly owner: string
  readonly adjudicator: string
  readonly fromBlock: string
  readonly out?: string
  readonly json?: boolean
}

/** Finds the channels of a seed that were announced for an owner. */
export async function recover(args: RecoverArgs): Promise<void> {
  const { address } = readSeed(args.seedFile).signer()
  const owner = parseAddress(args.owner)
  const print = printer(args.json)
  const deployment = {
    adjudicator: parseAddress(args.adjudicator),
    block: wholeNumber(args.fromBlock, 'from-block', 0),
  }
  await withChain(args, deployment, undefined, undefined, async (chain) => {
    const announced = await chain.announced(owner)
    const channels = announced.filter(({ channel }) => channel.members.some(({ signer }) => signer === address))
    const found: (LedgerRef & { readonly channel: Channel })[] = []
    for (const { channelId, channel } of channels) {
      const me = channel.members.findIndex(({ signer }) => signer === address)
      print(
        { event: 'channel', channelId, member: me, channel },
        `Channel ${channelId}: this seed is member ${me}, challenge period ${channel.period} s`,
      )
      for (const asset of await assetsOf(chain, channelId)) {
        await showLedger(chain, { channelId, asset }, print)
        found.push({ channelId, asset, channel })
      }
    }
    const none = `No channel of ${address} was announced for ${owner}. Check seed, owner and --from-block.`
    if (channels.length === 0) print({ event: 'none', signer: address, owner }, none)
    if (args.out === undefined) return
    writeNew(args.out, await exitFileOf(chain, found), 'out')
    print(
      { event: 'written', path: args.out },
      `${args.out} is written, without any state: it leaves with what the chain knows unless the peer shows more.`,
    )
  })
}

function readSeed(path: string): Keyring {
  const text = readText(path, 'seed-file').trim()
  return keyring(text.startsWith('0x') ? toBytes(text) : text)
}

/** The assets that were ever deposited into a channel. */
async function assetsOf(chain: EthersChain, channelId: ChannelId): Promise<Address[]> {
  const events = await chain.channelHistory(channelId)
  return [...new Set(events.filter(({ kind }) => kind !== 'announced').map(({ asset }) => asset))]
}

async function exitFileOf(
  chain: EthersChain,
  found: readonly (LedgerRef & { readonly channel: Channel })[],
): Promise<string> {
  const ledgers = await Promise.all(
    found.map(async ({ channel, ...ledger }) => {
      const { generation } = (await chain.view(ledger)).latest
      return { channel: toHex(encodeChannel(channel)), asset: ledger.asset, generation, states: [] }
    }),
  )
  const { chainId, adjudicator } = chain.domain
  const file: ExitFile = { tallystick: 'exit', version: 1, chainId: `${chainId}`, adjudicator, ledgers }
  return `${JSON.stringify(file, undefined, 1)}\n`
}
