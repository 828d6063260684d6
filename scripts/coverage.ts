/**
 * Branch coverage of the contracts (Foundry) and of sdk/core and sdk/protocols (c8).
 * Exits with 1 when a test fails or either stands below 95 %.
 */
import { globSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { copyForBranches } from './branches.ts'
import { foundryPath, root, runProcess, runTool } from './tools.ts'

const GOAL = 95
const LCOV = join(root, '.cache', 'forge', 'lcov.info')

type FileCoverage = {
  readonly file: string
  readonly branches: number
  readonly taken: number
  readonly missed: number[]
}

async function contractsCoverage(): Promise<boolean> {
  console.log('\n— Contracts: running the Solidity tests in Foundry (about a minute) ...')
  mkdirSync(join(root, '.cache', 'forge'), { recursive: true })
  // Without the IR the compiler runs out of stack; with its optimizer, lines would no longer map to code.
  // Without the optimizer nothing keeps to a size or a limit of gas, so the tests of those do not run here.
  const flags = ['--ir-minimum', '--exclude-tests', '--no-match-coverage', '^(test|node_modules)/', '--color', 'never']
  const measured = ['--no-match-contract', '^(SizeTest|MassExitTest)$']
  const { code, output } = await runProcess(
    foundryPath('forge'),
    ['coverage', '--root', copyForBranches(), ...flags, ...measured, '--report', 'lcov', '--report-file', LCOV],
    { show: false },
  )
  if (code !== 0) {
    console.error(output)
    return false
  }
  const files = parseLcov(readFileSync(LCOV, 'utf8'))
  const sum = (pick: (file: FileCoverage) => number) => files.reduce((total, file) => total + pick(file), 0)
  const rows = [
    ...files,
    { file: 'all contracts', branches: sum((f) => f.branches), taken: sum((f) => f.taken), missed: [] },
  ]
  console.log(`${'file'.padEnd(48)}${'branches'.padStart(12)}${'%'.padStart(8)}  lines with a branch not taken`)
  for (const { file, branches, taken, missed } of rows) {
    console.log(
      `${file.padEnd(48)}${`${taken}/${branches}`.padStart(12)}${percent(taken, branches).toFixed(1).padStart(8)}  ${missed.join(' ')}`,
    )
  }
  const total = percent(
    sum((f) => f.taken),
    sum((f) => f.branches),
  )
  return verdict('Branches of the contracts', total)
}

/** The branch records of an lcov file: `BRDA:line,block,branch,hits`, hits `-` or 0 when never taken. */
function parseLcov(lcov: string): FileCoverage[] {
  return lcov
    .split('end_of_record')
    .map((record) => {
      const file = /^SF:(.*)$/m.exec(record)?.[1] ?? ''
      const branches = [...record.matchAll(/^BRDA:(\d+),\d+,\d+,(.+)$/gm)].map(([, line, hits]) => ({
        line: Number(line),
        taken: hits !== '-' && hits !== '0',
      }))
      const missed = [...new Set(branches.filter(({ taken }) => !taken).map(({ line }) => line))]
      return { file, branches: branches.length, taken: branches.filter(({ taken }) => taken).length, missed }
    })
    .filter(({ file, branches }) => file !== '' && branches > 0)
}

async function sdkCoverage(): Promise<boolean> {
  console.log('\n— SDK: running the tests of sdk/core and sdk/protocols under c8 ...')
  const tests = globSync('test/sdk/{core,protocols,node}/**/*.test.ts', { cwd: root }).sort()
  const scope = [
    '--include',
    'sdk/core/**',
    '--include',
    'sdk/protocols/**',
    '--all',
    '--temp-directory',
    '.cache/c8',
    '--reports-dir',
    'coverage',
  ]
  const mocha = ['node', 'node_modules/mocha/bin/mocha.js', '--reporter', 'dot', ...tests]
  const { code } = await runTool('c8', [...scope, '--reporter', 'text', '--reporter', 'json-summary', ...mocha])
  if (code !== 0) return false
  const { total } = JSON.parse(readFileSync(join(root, 'coverage', 'coverage-summary.json'), 'utf8'))
  // V8 sees one branch in code that never ran, so the branches of a forgotten file hide; its lines do not.
  const lines = verdict('Lines of sdk/core and sdk/protocols', total.lines.pct)
  return verdict('Branches of sdk/core and sdk/protocols', total.branches.pct) && lines
}

function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : (100 * part) / whole
}

function verdict(what: string, reached: number): boolean {
  console.log(`${what}: ${reached.toFixed(1)} % (goal ${GOAL} %)${reached < GOAL ? ' — BELOW THE GOAL' : ''}`)
  return reached >= GOAL
}

const contracts = await contractsCoverage()
const sdk = await sdkCoverage()
process.exitCode = contracts && sdk ? 0 : 1
