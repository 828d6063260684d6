import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Address } from '../../core/types.ts'
import { TaskUsageError } from '../errors.ts'
import type { Scene } from '../scene.ts'

/** The house that tasks act on, as `found` or `join` wrote it down. */
export interface SavedHouse {
  readonly house: Address
  /** Block of the foundation, or any earlier one. */
  readonly fromBlock: number
  /** Where an operator in another process is dialled. */
  readonly at?: string
}

/** The house of a scene. Throws {@link TaskUsageError}. */
export function houseOf(scene: Scene): SavedHouse {
  const saved = readHouse(scene)
  if (saved) return saved
  throw new TaskUsageError(
    'There is no house here. Found one with "tally house found", or join one with "tally house join --house ADDRESS --at URL".',
  )
}

export function readHouse({ folder }: Scene): SavedHouse | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'house.json'), 'utf8')) as SavedHouse
  } catch {
    return undefined
  }
}

export function saveHouse({ folder }: Scene, house: SavedHouse): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'house.json'), `${JSON.stringify(house, undefined, 2)}\n`)
}

/** Where the operator of a house keeps its key and its books; it begins with no letter, as actors do. */
export const operatorFolder = ({ folder }: Scene, house: Address): string => join(folder, `_${house}`)

/** Whether the operator can be run here, since its key is here. */
export const isOperatedHere = (scene: Scene, house: Address): boolean =>
  existsSync(join(operatorFolder(scene, house), 'operator.key'))
