import { globSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import toolbox from '@nomicfoundation/hardhat-toolbox-mocha-ethers'
import { defineConfig } from 'hardhat/config'
import type { HardhatPlugin } from 'hardhat/types/plugins'
import tallystick from './sdk/hardhat/index.ts'

/** The compiler comes from npm, so that nothing has to be fetched at build time. */
const solc = fileURLToPath(import.meta.resolve('solc/soljson.js'))

/** Tests that measure gas or run long, and those with functions too deep for the stack of the plain compiler. */
const OPTIMIZED_TESTS = ['Size.t.sol', 'Review.t.sol', 'invariants/*'].map((file) => `test/contracts/${file}`)

/**
 * Compiles the Solidity tests plainly, which takes seconds where the optimizer takes minutes. What they test is optimized
 * all the same: they deploy the contracts from their artifacts, the very code that users deploy.
 */
const plainTests: HardhatPlugin = {
  id: 'plain-tests',
  hookHandlers: {
    config: async () => ({
      default: async () => ({
        resolveUserConfig: async (userConfig, resolveVariable, next) => {
          const resolved = await next(userConfig, resolveVariable)
          for (const profile of Object.values(resolved.solidity.profiles)) {
            const [compiler] = profile.compilers
            if (compiler === undefined) continue
            // One object for all of them: Hardhat compiles together what shares its settings by identity.
            const plain = {
              ...compiler,
              settings: { ...compiler.settings, viaIR: false, optimizer: { enabled: false } },
            }
            for (const file of globSync('test/contracts/**/*.sol', { exclude: OPTIMIZED_TESTS }))
              profile.overrides[file] = plain
          }
          return resolved
        },
      }),
    }),
  },
}

export default defineConfig({
  plugins: [toolbox, tallystick, plainTests],
  solidity: {
    splitTestsCompilation: true,
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
