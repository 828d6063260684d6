import { fileURLToPath } from 'node:url'
import toolbox from '@nomicfoundation/hardhat-toolbox-mocha-ethers'
import { defineConfig } from 'hardhat/config'
import tallystick from './sdk/hardhat/index.ts'

/** The compiler comes from npm, so that nothing has to be fetched at build time. */
const solc = fileURLToPath(import.meta.resolve('solc/soljson.js'))

export default defineConfig({
  plugins: [toolbox, tallystick],
  solidity: {
    version: '0.8.37',
    path: solc,
    settings: {
      viaIR: true,
      evmVersion: 'osaka',
      optimizer: { enabled: true, runs: 200 },
      metadata: { bytecodeHash: 'none' },
    },
  },
  networks: {
    default: { type: 'edr-simulated', chainType: 'l1', hardfork: 'osaka' },
    localhost: { type: 'http', chainType: 'l1', url: 'http://127.0.0.1:8545' },
  },
  paths: {
    // Mocks are compiled with the contracts, so that tests get artifacts and types of them too.
    sources: ['contracts', 'test/mocks'],
    tests: { mocha: 'test', solidity: 'test/contracts' },
  },
  test: {
    mocha: { timeout: 60_000 },
    solidity: { fuzz: { runs: 256 }, invariant: { runs: 64, depth: 64, failOnRevert: true } },
  },
  typechain: { outDir: 'types/ethers-contracts' },
})
