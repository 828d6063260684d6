import { readFileSync } from 'node:fs'
import { type App, defineApp } from 'tallystick'
import { advance, type Move, outcome, type State, turn } from './rules.ts'

const artifact = new URL('artifacts/contracts/Nim.sol/Nim.json', import.meta.url)
const { abi, bytecode } = JSON.parse(readFileSync(artifact, 'utf8'))

/** Nim, as nodes play it. All players need the same bytecode: its hash is the app's address. */
export const app = defineApp({ abi, bytecode, twin: { turn, advance, outcome } }) as App<State, Move>

export const opening: State = { heap: 10, seat: 0 }
