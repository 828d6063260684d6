#!/usr/bin/env node
// The npm compiler behind the command line that Foundry expects of a native solc.
import { readFileSync } from 'node:fs'
import solc from 'solc'

if (process.argv.includes('--version')) {
  console.log(
    `solc, the solidity compiler commandline interface\nVersion: ${solc.version().replace(/Emscripten.*/, 'Linux.g++')}`,
  )
} else {
  process.stdout.write(solc.compile(readFileSync(0, 'utf8')))
}
