import { JsonRpcProvider } from 'ethers'
import { z } from 'zod'
import { foundHouse, type HouseCode } from '../chain/house/deploy.ts'
import { parseAddress } from '../core/address.ts'
import type { Hex } from '../core/types.ts'
import { readKey, readText, UsageError, wholeNumber } from './files.ts'
import { printer } from './output.ts'

/** Options of `tallystick found`. */
export interface FoundArgs {
  readonly rpc: string
  readonly keyFile: string
  readonly passwordFile?: string
  readonly operator: string
  readonly registry: string
  readonly court?: string
  readonly asset: readonly string[]
  readonly interval: string
  readonly window: string
  readonly answerTime: string
  readonly answerTimeEach: string
  readonly answerTimeMost: string
  readonly artifacts: string
  readonly json?: boolean
}

/** Founds a clearing house, and a court if none is named. */
export async function found(args: FoundArgs): Promise<void> {
  const seconds = (value: string, option: string) => BigInt(wholeNumber(value, option, 1))
  const founding = {
    operator: parseAddress(args.operator),
    registry: parseAddress(args.registry),
    ...(args.court !== undefined && { court: parseAddress(args.court) }),
    assets: args.asset.map(parseAddress),
    interval: seconds(args.interval, 'interval'),
    window: seconds(args.window, 'window'),
    answerTime: seconds(args.answerTime, 'answer-time'),
    answerTimeEach: seconds(args.answerTimeEach, 'answer-time-each'),
    answerTimeMost: seconds(args.answerTimeMost, 'answer-time-most'),
  }
  const code: HouseCode = {
    house: bytecodeOf(args.artifacts, 'ClearingHouse'),
    ...(args.court === undefined && { court: bytecodeOf(args.artifacts, 'HouseCourt') }),
  }
  const wallet = await readKey(args.keyFile, args.passwordFile)
  const provider = new JsonRpcProvider(args.rpc)
  try {
    const { house, court, fromBlock } = await foundHouse(wallet.connect(provider), code, founding)
    printer(args.json)(
      { event: 'founded', house, court, fromBlock },
      `House ${house} with court ${court}.\nRun it: tallystick house --house ${house} --from-block ${fromBlock} …`,
    )
  } finally {
    provider.destroy()
  }
}

const artifact = z.object({ bytecode: z.string().regex(/^0x[0-9a-f]+$/) })

/** Of a contract as Hardhat compiled it. Throws {@link UsageError}. */
function bytecodeOf(folder: string, name: string): Hex {
  const path = `${folder}/contracts/${name}.sol/${name}.json`
  const text = readText(path, 'artifacts')
  try {
    return artifact.parse(JSON.parse(text)).bytecode as Hex
  } catch (cause) {
    throw new UsageError(`The file ${path} holds no compiled contract. Check --artifacts.`, { cause })
  }
}
