import { runTool } from './tools.ts'

const outcomes = [
  await runTool('biome of @biomejs/biome', ['check', '--write']),
  await runTool('prettier', ['--write', '--log-level', 'warn', '{contracts,templates,test}/**/*.sol']),
]
process.exitCode = outcomes.some(({ code }) => code !== 0) ? 1 : 0
