import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Outcome, root, runTool } from './tools.ts'

/**
 * Warnings that were weighed: OpenZeppelin's transient guard clears its slot at the end of each call, which is what the
 * first asks for; a deposit address destroys itself in the transaction that creates it, where the opcode still works.
 */
const EXPECTED_WARNINGS =
  /Warning: (Transient storage as defined by|"selfdestruct" has been deprecated)[\s\S]*?\^+\n\n?/g

/** Compiles the contracts and their tests, and generates their TypeScript types; does nothing when up to date. */
export async function build(): Promise<Outcome> {
  const outcome = await runTool('hardhat', ['build'], { show: false })
  process.stdout.write(outcome.output.replaceAll(EXPECTED_WARNINGS, '').trimStart())
  return outcome
}

/** Contracts that the test kit deploys, as users get them: compiled here, so that a test compiles its own app alone. */
const SHIPPED = ['Adjudicator', 'OutcomeRegistry', 'AppArbiter']

/** Writes the package as it is published: `dist/` with JavaScript and declarations, and what the SDK reads beside them. */
async function buildPackage(): Promise<number> {
  rmSync(join(root, 'dist'), { recursive: true, force: true })
  const { code } = await build()
  if (code !== 0) return code
  copyToDist('templates', ...SHIPPED.map((name) => `artifacts/contracts/${name}.sol/${name}.json`))
  return (await runTool('tsc of typescript', ['--project', 'tsconfig.build.json'])).code
}

/** To the same place as in a checkout, seen from `sdk/`. */
function copyToDist(...paths: readonly string[]): void {
  for (const path of paths) cpSync(join(root, path), join(root, 'dist', path), { recursive: true })
}

if (import.meta.main) process.exitCode = await buildPackage()
