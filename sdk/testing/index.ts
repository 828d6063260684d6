// The entry `tallystick/testing`: what authors of apps test them with. Needs fast-check.

export { checkTwin, type TwinCheck, TwinDiffersError } from './check-twin.ts'
export type { Difference, Question } from './game.ts'
