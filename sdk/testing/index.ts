// The entry `tallystick/testing`: what authors of apps test them with. Needs fast-check.

export { checkTwin, type TwinCheck, TwinDiffersError } from './check-twin.ts'
export type { Difference, Question } from './game.ts'
export { TableError } from './table/errors.ts'
export type { Game } from './table/game.ts'
export type { Player } from './table/player.ts'
export { type Table, type TableOptions, table } from './table/table.ts'
