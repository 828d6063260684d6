/**
 * Every check of the project, in order: lint, build, types, Solidity tests, TypeScript tests.
 *
 * `--only lint|types` runs that part; names of test files run those files alone. A stage that ran nothing
 * counts as failed. The last line is `N passed, N failed`, the sum over all stages.
 */
import { globSync } from 'node:fs'
import { parseArgs, stripVTControlCharacters } from 'node:util'
import { build } from './build.ts'
import { type Outcome, root, runTool } from './tools.ts'

type Count = { readonly passed: number; readonly failed: number; readonly skipped: number }
/** `gate`: the stages after it mean nothing when it fails. */
type Stage = { readonly title: string; readonly run: () => Promise<Count>; readonly gate?: boolean }

const lint: Stage[] = [
  check('Lint and format of TypeScript', () => runTool('biome of @biomejs/biome', ['check', '--error-on-warnings'])),
  check('Format of Solidity', () => runTool('prettier', ['--check', '--log-level', 'warn', ...solidityFiles()])),
  check('Lint of Solidity', () =>
    runTool('solhint', ['--disc', '--noPoster', '--max-warnings', '0', 'contracts/**/*.sol']),
  ),
]

const buildStage: Stage = { ...check('Build', build), gate: true }
const types: Stage[] = [buildStage, check('Types', () => runTool('tsc of typescript', ['--noEmit']))]

function solidityTests(files: readonly string[]): Stage {
  return tests('Solidity tests', () => runTool('hardhat', ['test', 'solidity', '--no-compile', ...files]))
}

// Two jobs suit the two cores of a small CI machine; each worker has its own in-process chain.
function typescriptTests(files: readonly string[]): Stage {
  return tests('TypeScript tests', () => runTool('mocha', ['--parallel', '--jobs', '2', ...files]))
}

/** A tool that either passes or not: one check. */
function check(title: string, run: () => Promise<Outcome>): Stage {
  return {
    title,
    run: async () => {
      const { code } = await run()
      return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 }
    },
  }
}

/** A test runner: mocha and Hardhat's Solidity runner end with the same "N passing", "N failing" lines. */
function tests(title: string, run: () => Promise<Outcome>): Stage {
  return {
    title,
    run: async () => {
      const { code, output } = await run()
      const lines = stripVTControlCharacters(output)
      const tally = (word: string) =>
        Number([...lines.matchAll(new RegExp(`^ +(\\d+) ${word}\\b`, 'gm'))].at(-1)?.[1] ?? 0)
      const passed = tally('passing')
      const broken = code !== 0 || passed === 0
      return { passed, failed: Math.max(tally('failing'), broken ? 1 : 0), skipped: tally('(?:pending|skipped)') }
    },
  }
}

function solidityFiles(): string[] {
  return globSync(['contracts/**/*.sol', 'templates/**/*.sol', 'test/**/*.sol'], { cwd: root })
}

function chosenStages(): Stage[] {
  const { values, positionals } = parseArgs({ options: { only: { type: 'string' } }, allowPositionals: true })
  if (values.only === 'lint') return lint
  if (values.only === 'types') return types
  const solidity = positionals.filter((file) => file.endsWith('.sol'))
  const typescript = positionals.filter((file) => file.endsWith('.ts'))
  if (positionals.length > 0) {
    return [
      buildStage,
      ...(solidity.length > 0 ? [solidityTests(solidity)] : []),
      ...(typescript.length > 0 ? [typescriptTests(typescript)] : []),
    ]
  }
  return [...lint, ...types, solidityTests([]), typescriptTests(globSync('test/**/*.test.ts', { cwd: root }).sort())]
}

async function runStages(stages: readonly Stage[]): Promise<Count> {
  const total = { passed: 0, failed: 0, skipped: 0 }
  const table: string[] = []
  let stopped = false
  for (const [index, { title, run, gate }] of stages.entries()) {
    console.log(`\n— ${index + 1} of ${stages.length}: ${title}${stopped ? ' (not run: the build failed)' : ''}`)
    const began = performance.now()
    const count = stopped ? NOT_RUN : await run()
    if (gate === true && count.failed > 0) stopped = true
    total.passed += count.passed
    total.failed += count.failed
    total.skipped += count.skipped
    table.push(row(title, count, performance.now() - began))
  }
  console.log(`\n${table.join('\n')}\n`)
  return total
}

const NOT_RUN: Count = { passed: 0, failed: 1, skipped: 0 }

function row(title: string, count: Count, milliseconds: number): string {
  const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : ''
  const counts = `${count.passed} passed, ${count.failed} failed${skipped}`
  const seconds = (milliseconds / 1000).toFixed(1)
  return `${count.failed === 0 ? 'ok  ' : 'FAIL'} ${title.padEnd(32)}${counts.padEnd(34)}${seconds.padStart(6)} s`
}

const { passed, failed } = await runStages(chosenStages())
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
