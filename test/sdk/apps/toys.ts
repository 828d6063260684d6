import { AbiCoder, concat } from 'ethers'
import { artifacts } from 'hardhat'
import type { AppCode } from '../../../sdk/apps/evm-deploy.ts'
import { evmRules } from '../../../sdk/apps/evm-rules.ts'
import type { Rules } from '../../../sdk/apps/rules.ts'
import type { Twin } from '../../../sdk/apps/twin.ts'
import { toBytes } from '../../../sdk/core/bytes.ts'
import type { Hex } from '../../../sdk/core/types.ts'

const coder = AbiCoder.defaultAbiCoder()

/** Bytes as `abi.encode` writes them. */
export const encode = (types: readonly string[], ...values: readonly unknown[]): Uint8Array =>
  toBytes(coder.encode(types, values))

export const nimArtifact = await artifacts.readArtifact('Nim')
/** Nim of which one may take `most` at a time. */
export const nimCode = (most = 3): Hex => concat([nimArtifact.bytecode, coder.encode(['uint256'], [most])]) as Hex
export const nim: Rules = evmRules({ initCode: nimCode() }, { seats: 2, abi: nimArtifact.abi })
export const heap = (left: number, seat = 0, moves = 0): Uint8Array =>
  encode(['uint16', 'uint8', 'uint32'], left, seat, moves)
export const take = (count: number): Uint8Array => encode(['uint16'], count)

/** What TypeScript is to know of Nim, as a literal. */
export const nimAbi = [
  {
    type: 'function',
    name: 'types',
    inputs: [
      {
        name: 'state',
        type: 'tuple',
        components: [
          { name: 'heap', type: 'uint16' },
          { name: 'seat', type: 'uint8' },
          { name: 'moves', type: 'uint32' },
        ],
      },
      { name: 'move', type: 'tuple', components: [{ name: 'take', type: 'uint16' }] },
    ],
    outputs: [],
    stateMutability: 'pure',
  },
  { type: 'constructor', inputs: [{ name: 'most', type: 'uint256' }], stateMutability: 'nonpayable' },
  {
    type: 'error',
    name: 'TooMany',
    inputs: [
      { name: 'taken', type: 'uint256' },
      { name: 'heap', type: 'uint256' },
    ],
  },
] as const
interface Heap {
  readonly heap: number
  readonly seat: number
  readonly moves: number
}
export type NimTwin = Twin<Heap, { readonly take: number }>

export const nimTwin: NimTwin = {
  turn: ({ heap, seat }) => (heap === 0 ? undefined : seat),
  advance: ({ heap, seat, moves }, { take }) => {
    if (take < 1 || take > 3 || take > heap) throw new Error('no such move')
    return { heap: heap - take, seat: 1 - seat, moves: moves + 1 }
  },
  outcome: ({ seat }) => [0, 1].map((of) => (of === seat ? 0n : 10n ** 18n)),
}
export const notaryArtifact = await artifacts.readArtifact('NotaryApp')
export const clockArtifact = await artifacts.readArtifact('ClockApp')

export const hostileArtifact = await artifacts.readArtifact('HostileApp')
export const hostileCode: AppCode = { initCode: hostileArtifact.bytecode as Hex }
export const hostile = (seats = 2): Rules => evmRules(hostileCode, { seats })

/** States of the hostile app, by what it does when it is asked about them. */
export const MISCHIEF = {
  reverts: Uint8Array.of(0),
  loops: Uint8Array.of(1),
  floods: Uint8Array.of(2),
  'reverts with a flood': Uint8Array.of(3),
  'runs into an invalid instruction': Uint8Array.of(6),
  panics: Uint8Array.of(7),
  'asks for endless memory': Uint8Array.of(8),
  'reads behind its state': new Uint8Array(),
}
/** A state of which the hostile app says `answer`. */
export const answering = (answer: Uint8Array): Uint8Array => Uint8Array.of(4, ...answer)
/** A state about which the hostile app reverts with `reason`. */
export const revertingWith = (reason: Uint8Array): Uint8Array => Uint8Array.of(5, ...reason)
