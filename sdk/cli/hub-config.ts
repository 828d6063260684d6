import { z } from 'zod'
import { parseAddress } from '../core/address.ts'
import { type Address, COIN } from '../core/types.ts'
import { type CarriageTerms, DEFAULT_FORWARDING, type Rate } from '../node/hops/policy.ts'
import { DEFAULT_POLICY, type InboundTerms } from '../node/node.ts'
import { DEFAULT_RECEPTION } from '../transport/reception.ts'
import { readText, UsageError } from './files.ts'

// The configuration of a hub: a JSON file, and over it what the command line says. Amounts are decimal texts in the asset's
// smallest unit, since JSON's numbers do not reach as far; times are seconds.

const DAY = 86_400n

const amount = z
  .string({ error: 'must be an amount in the smallest unit as a text, such as "1000"' })
  .regex(/^\d{1,32}$/, 'must be an amount in the smallest unit as a text, such as "1000"')
  .transform(BigInt)
const whole = (least: number, most = Number.MAX_SAFE_INTEGER) => {
  const error = `must be a whole number from ${least} ${most < Number.MAX_SAFE_INTEGER ? `to ${most}` : 'on'}`
  return z.int({ error }).min(least, error).max(most, error)
}
const text = z.string({ error: 'must be a text' }).min(1, 'must not be empty')
const address = z
  .string({ error: 'must be an address: 0x and 40 hex digits' })
  .regex(/^0x[0-9a-fA-F]{40}$/, 'must be an address: 0x and 40 hex digits')
  .transform((value) => parseAddress(value))

const limits = z.strictObject({
  parts: whole(1, 512).default(DEFAULT_FORWARDING.limits.parts),
  value: amount.default(DEFAULT_FORWARDING.limits.value),
  residuals: amount.default(DEFAULT_FORWARDING.limits.residuals),
})

const terms = z.strictObject({
  baseFee: amount.default(DEFAULT_FORWARDING.baseFee),
  feePpm: amount.default(DEFAULT_FORWARDING.feePpm),
  least: amount.default(DEFAULT_FORWARDING.least),
  most: amount.default(DEFAULT_FORWARDING.most),
  minimumDeposit: amount.default(DEFAULT_FORWARDING.minimumDeposit),
  minimum: amount.default(DEFAULT_FORWARDING.minimum),
  revealCost: amount.default(DEFAULT_FORWARDING.revealCost),
  limits: limits.prefault({}),
})

const inbound = z.strictObject({
  baseFee: amount.default(0n),
  monthlyPpm: amount,
  least: amount.default(1n),
  most: amount,
  perClient: amount,
  total: amount,
  maxDays: whole(1).default(90),
  reclaimAfterDays: whole(0).optional(),
})

const rate = z.strictObject({
  from: text,
  to: text,
  price: z.strictObject({ from: amount, to: amount }),
  least: amount.default(1n),
  most: amount,
})

const schema = z.strictObject({
  rpc: text,
  witnesses: z.array(text).default([]),
  adjudicator: address,
  fromBlock: whole(0).default(0),
  confirmations: whole(1).optional(),
  keyFile: text,
  passwordFile: text.optional(),
  owner: address.optional(),
  identityFile: text.optional(),
  store: text.default('hub.sqlite'),
  listen: z.array(text).min(1, 'must name an address').default(['tcp://0.0.0.0:7000']),
  metrics: text.optional(),
  logLevel: text.default('info'),
  /** By "coin" or token; these alone are opened. */
  assets: z.record(z.string(), terms).default({ coin: terms.parse({}) }),
  /** By asset: money of the hub that clients can buy in their channels. */
  inbound: z.record(z.string(), inbound).default({}),
  /** What this hub gives for what. */
  rates: z.array(rate).default([]),
  /** Where others can dial this hub, for them to pass on. */
  addresses: z.array(text).default([]),
  rebalance: z
    .strictObject({ maxFeePpm: whole(0, 1_000_000), every: whole(1), minAmount: amount.default(1n) })
    .optional(),
  maxParts: whole(1).default(DEFAULT_FORWARDING.maxParts),
  maxPackets: whole(1).default(DEFAULT_FORWARDING.maxPackets),
  maxStoreLagMs: whole(1).default(DEFAULT_FORWARDING.maxStoreLag),
  margin: whole(0).default(Number(DEFAULT_FORWARDING.margin)),
  responseTime: whole(0).default(Number(DEFAULT_FORWARDING.responseTime)),
  maxLock: whole(1).default(Number(DEFAULT_FORWARDING.maxLock)),
  maxSwapLock: whole(1).default(Number(DEFAULT_FORWARDING.maxSwapLock)),
  maxOutcomeLock: whole(0).default(Number(DEFAULT_FORWARDING.maxOutcomeLock)),
  period: z
    .strictObject({
      least: whole(60).default(DEFAULT_POLICY.minPeriod),
      most: whole(60).default(DEFAULT_POLICY.maxPeriod),
    })
    .prefault({}),
  maxConnections: whole(1).default(DEFAULT_RECEPTION.maxConnections),
  maxConnectionsPerHost: whole(1).default(DEFAULT_RECEPTION.maxConnectionsPerHost),
  maxStrangersPerHost: whole(1).default(DEFAULT_RECEPTION.maxStrangersPerHost),
  maxUnfunded: whole(1).default(DEFAULT_POLICY.maxUnfundedOfAll),
  /** A file of session keys, one a line: they alone may open channels. */
  allowFile: text.optional(),
  towers: z
    .array(z.strictObject({ tower: address, address: text, privacy: z.enum(['sealed', 'clear']).optional() }))
    .default([]),
  reserveGas: whole(0).default(5_000_000),
  /** Wei. */
  maxFeePerGas: amount.refine((wei) => wei > 0n, 'must be above zero').optional(),
  drainSeconds: whole(0).default(30),
})

/** What a hub is told. */
export type HubConfig = z.output<typeof schema>

/** Reads a file, if one is named, and what the command line says over it. Throws {@link UsageError}, with a sentence for each mistake. */
export function hubConfig(path: string | undefined, over: Readonly<Record<string, unknown>>): HubConfig {
  const given = Object.entries(over).filter(([, value]) => value !== undefined)
  const parsed = schema.safeParse({ ...(path === undefined ? {} : readJson(path)), ...Object.fromEntries(given) })
  if (!parsed.success) throw new UsageError(parsed.error.issues.flatMap((issue) => sentences(issue, path)).join('\n'))
  const config = parsed.data
  if (config.period.least > config.period.most)
    throw new UsageError(
      `period.least of ${config.period.least} is above period.most of ${config.period.most}. Exchange them.`,
    )
  if (config.responseTime > config.margin)
    throw new UsageError(
      `responseTime of ${config.responseTime} is above margin of ${config.margin}: secrets would come too late. Raise margin.`,
    )
  assetsOf(config)
  inboundOf(config)
  ratesOf(config)
  if (config.rates.length > 0 && config.maxSwapLock <= config.margin)
    throw new UsageError(
      `maxSwapLock of ${config.maxSwapLock} is not above margin of ${config.margin}: nothing could be swapped. Raise it.`,
    )
  return config
}

function readJson(path: string): object {
  const text = readText(path, 'config')
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed
  } catch (cause) {
    throw new UsageError(`The file ${path} is no JSON: ${(cause as Error).message}. Check --config.`, { cause })
  }
  throw new UsageError(`The file ${path} holds no JSON object. Check --config.`)
}

function sentences(issue: z.core.$ZodIssue, path: string | undefined): string[] {
  const where = path === undefined ? 'Name it by an option, or in a file with --config.' : `Check ${path}.`
  const at = (rest: readonly PropertyKey[]) => rest.map(String).join('.').slice(0, 80)
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => `${at([...issue.path, key])} is no setting of a hub. ${where}`)
  if (issue.input === undefined && issue.code === 'invalid_type' && issue.path.length === 1)
    return [`${at(issue.path)} is missing. ${where}`]
  return [`${at(issue.path)} ${issue.message}. ${where}`]
}

/** The terms of each asset, by address. Throws {@link UsageError}. */
export function assetsOf({ assets }: HubConfig): ReadonlyMap<Address, CarriageTerms> {
  return new Map(Object.entries(assets).map(([name, asked]) => [assetOf(name, 'assets'), asked]))
}

/** What is asked for inbound money, by asset. Throws {@link UsageError}. */
export function inboundOf({ inbound }: HubConfig): ReadonlyMap<Address, InboundTerms> {
  return new Map(
    Object.entries(inbound).map(([name, { maxDays, reclaimAfterDays: days, ...asked }]) => [
      assetOf(name, 'inbound'),
      {
        ...asked,
        maxDuration: DAY * BigInt(maxDays),
        reclaimAfter: days === undefined ? undefined : DAY * BigInt(days),
      },
    ]),
  )
}

/** What is swapped, of assets that are opened. Throws {@link UsageError}. */
export function ratesOf({ rates, assets }: HubConfig): Rate[] {
  const opened = new Set(Object.keys(assets).map((name) => assetOf(name, 'assets')))
  return rates.map(({ from, to, ...terms }, index) => {
    const [paid, given] = [assetOf(from, `rates.${index}`), assetOf(to, `rates.${index}`)]
    if (!opened.has(paid) || !opened.has(given))
      throw new UsageError(`rates.${index} names an asset that is not in assets. Add its terms there.`)
    if (paid === given) throw new UsageError(`rates.${index} is of one asset. Name two.`)
    if (terms.price.from === 0n || terms.price.to === 0n)
      throw new UsageError(`rates.${index}.price has a zero. Write how much of from is asked for how much of to.`)
    return { from: paid, to: given, ...terms }
  })
}

function assetOf(name: string, where: string): Address {
  if (name === 'coin') return COIN
  if (/^0x[0-9a-fA-F]{40}$/.test(name)) return parseAddress(name)
  throw new UsageError(`${where}.${name.slice(0, 60)} is no asset. Write "coin", or the address of a token.`)
}

/** The session keys of an allow-list: one a line, `#` begins a remark. Throws {@link UsageError}. */
export function allowedPeers(path: string): Address[] {
  const lines = readText(path, 'config').split(/\r?\n/)
  return lines.flatMap((line, index) => {
    const key = line.replace(/#.*/, '').trim()
    if (key === '') return []
    if (/^0x[0-9a-fA-F]{40}$/.test(key)) return [parseAddress(key)]
    throw new UsageError(`Line ${index + 1} of ${path} is no session key: 0x and 40 hex digits. Mend it.`)
  })
}

/** The configuration as JSON that means the same. */
export const printed = (config: HubConfig): string =>
  `${JSON.stringify(config, (_, value) => (typeof value === 'bigint' ? `${value}` : value), 2)}\n`
