import { fileURLToPath } from 'node:url'
import mocha from '@nomicfoundation/hardhat-mocha'
import { defineConfig } from 'hardhat/config'

export default defineConfig({
  plugins: [mocha],
  // The compiler and its settings decide the bytecode, and so the app's address: all players use the same ones.
  solidity: {
    version: '0.8.37',
    path: fileURLToPath(import.meta.resolve('solc/soljson.js')),
    settings: {
      viaIR: true,
      evmVersion: 'osaka',
      optimizer: { enabled: true, runs: 200 },
      metadata: { bytecodeHash: 'none' },
    },
  },
  networks: { default: { type: 'edr-simulated', chainType: 'l1', hardfork: 'osaka' } },
  paths: { tests: { mocha: 'test' } },
  test: { mocha: { timeout: 60_000 } },
})
