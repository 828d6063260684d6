import { readFileSync } from 'node:fs'
import { expect } from 'chai'

type Package = { version?: string; resolved?: string; optionalDependencies?: Record<string, string> }

const manifest = JSON.parse(readFileSync('package.json', 'utf8'))
const lock: Record<string, Package> = JSON.parse(readFileSync('package-lock.json', 'utf8')).packages

describe('the package', () => {
  it('pins exact versions', () => {
    const all = { ...manifest.dependencies, ...manifest.devDependencies }
    expect(Object.entries(all).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(String(version)))).to.deep.equal([])
  })

  it('locks versions without the registry that one machine happened to use', () => {
    expect(Object.entries(lock).filter(([, { resolved }]) => resolved !== undefined)).to.deep.equal([])
  })

  // An install through a registry that lacks some of them drops them silently, and `npm ci` then fails elsewhere.
  it('locks the native packages of every platform', () => {
    const missing = Object.entries(lock).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies)
        .filter(
          (name) => lock[`node_modules/${name}`] === undefined && lock[`${path}/node_modules/${name}`] === undefined,
        )
        .map((name) => `${path} wants ${name}`),
    )
    expect(missing).to.deep.equal([])
  })
})
