import { AbiCoder, hexlify, keccak256, randomBytes, Signature } from 'ethers'
import { z } from 'zod'
import { toHex } from '../core/bytes.ts'
import type { TypedMessage } from '../core/eip712.ts'
import { InvalidOptionError } from '../core/errors.ts'
import { type Address, COIN, type Domain, type Hex } from '../core/types.ts'
import type { Payer, SignedDeposit, SigningOptions } from './chain.ts'
import { allowanceFor, DepositFormError, type DepositOrder, request } from './deposit.ts'
import { ChainError } from './errors.ts'
import { hasCode, SIGNED_SECONDS, tokenDomain } from './permit.ts'
import type { Request } from './preflight.ts'
import type { Rpc } from './rpc.ts'
import { optional } from './token.ts'

// A payer signs where its tokens go; anybody can send that and pay for the gas, and nobody can turn it elsewhere.

/** Not a signed deposit, or one of another chain. */
export class SignedDepositError extends ChainError {
  readonly code: 'NOT_A_SIGNED_DEPOSIT' | 'SIGNED_DEPOSIT_OF_ANOTHER_CHAIN'

  constructor(code: SignedDepositError['code'], fact: string, options?: ErrorOptions) {
    super(fact, options)
    this.code = code
  }
}

/** The same address on every chain. */
export const PERMIT2: Address = '0x000000000022d473030f116ddee9f6b43ac78ba3'

const MAX_VALID_FOR = 2_592_000
const MAX_TEXT = 20_000
const coder = AbiCoder.defaultAbiCoder()

const fields = (text: string) =>
  text.split(',').map((field) => {
    const [type, name] = field.split(' ')
    return { type: type!, name: name! }
  })
const PERMIT2_TYPES = {
  PermitWitnessTransferFrom: fields(
    'TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,Destination witness',
  ),
  Destination: fields('bytes32 channelId,uint256 member'),
  TokenPermissions: fields('address token,uint256 amount'),
}
const AUTHORIZATION_TYPES = {
  ReceiveWithAuthorization: fields(
    'address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce',
  ),
}

type Unsigned = Omit<SignedDeposit, 'signature'>

/** Lets the payer sign a deposit. Throws {@link DepositFormError} where token or payer cannot do so. */
export async function signDeposit(
  rpc: Rpc,
  adjudicator: Address,
  { ledger: { channelId, asset }, member, amount }: DepositOrder,
  payer: Payer,
  { by, validFor = Number(SIGNED_SECONDS) }: SigningOptions,
  now: bigint,
): Promise<SignedDeposit> {
  if (!Number.isInteger(validFor) || validFor < 1 || validFor > MAX_VALID_FOR)
    throw new InvalidOptionError(
      'validFor',
      `A deposit can be valid for 1 to ${MAX_VALID_FOR} seconds, not ${validFor}. Choose a time within that.`,
    )
  if (asset === COIN)
    throw new DepositFormError(by, 'Coins cannot be allowed or signed away.', 'Let the sender pay; leave "by" out.')
  const account = payer.address.toLowerCase() as Address
  const allowance = await allowanceFor(rpc, account, PERMIT2, { asset, amount })
  const domain = by === 'permit2' ? undefined : await authorizationDomain(rpc, asset, account)
  if (by === 'authorization' && !domain)
    throw new DepositFormError(by, `${asset} takes no authorizations (EIP-3009) of ${account}.`, 'Choose another form.')
  if (!domain) await assertPermit2(rpc, { account, asset, allowance, amount })
  const form = domain ? 'authorization' : 'permit2'
  const nonce = hexlify(randomBytes(32)) as Hex
  const what = { channelId, asset, form, member, amount, payer: account, nonce } as const
  const unsigned: Unsigned = { ...what, validUntil: now + BigInt(validFor) }
  const message = domain ? authorization(unsigned, adjudicator, domain) : permit2(unsigned, adjudicator, rpc.chainId)
  const signature = toHex(await payer.signTypedData(message))
  return { ...unsigned, signature: domain ? (Signature.from(signature).serialized as Hex) : signature }
}

/** The token's domain if it knows EIP-3009 and the account signs as such tokens want it. */
async function authorizationDomain(rpc: Rpc, asset: Address, payer: Address) {
  const [used, isContract, domain] = await Promise.all([
    optional(rpc, asset, 'authorizationState', [payer, hexlify(randomBytes(32))]),
    hasCode(rpc, payer),
    tokenDomain(rpc, asset),
  ])
  return used === false && !isContract ? domain : undefined
}

/** Throws {@link DepositFormError} where nobody has deployed it, or the payer has not approved it. */
export async function assertPermit2(
  rpc: Rpc,
  approval?: {
    readonly account: Address
    readonly asset: Address
    readonly allowance: bigint
    readonly amount: bigint
  },
): Promise<void> {
  if (!(await hasCode(rpc, PERMIT2)))
    throw new DepositFormError('permit2', `There is no Permit2 on chain ${rpc.chainId}.`, 'Choose another form.')
  if (!approval || approval.allowance >= approval.amount) return
  const { account, asset, allowance, amount } = approval
  throw new DepositFormError(
    'permit2',
    `${account} lets Permit2 take ${allowance} of token ${asset}, but ${amount} are needed.`,
    `Approve ${PERMIT2} from that account once, or choose another form.`,
  )
}

function permit2({ channelId, asset, member, amount, nonce, validUntil }: Unsigned, spender: Address, chainId: bigint) {
  const permitted = { token: asset, amount }
  return {
    domain: { name: 'Permit2', chainId, verifyingContract: PERMIT2 },
    types: PERMIT2_TYPES,
    primaryType: 'PermitWitnessTransferFrom',
    message: { permitted, spender, nonce: BigInt(nonce), deadline: validUntil, witness: { channelId, member } },
  } satisfies TypedMessage
}

function authorization(deposit: Unsigned, to: Address, domain: TypedMessage['domain']) {
  const { channelId, member, amount, payer, nonce: salt } = deposit
  const nonce = keccak256(coder.encode(['bytes32', 'uint8', 'bytes32'], [channelId, member, salt]))
  return {
    domain,
    types: AUTHORIZATION_TYPES,
    primaryType: 'ReceiveWithAuthorization',
    message: { from: payer, to, value: amount, validAfter: 0n, validBefore: endOf(deposit), nonce },
  } satisfies TypedMessage
}

/** EIP-3009 names the first second that is too late. */
const endOf = ({ validUntil }: Pick<SignedDeposit, 'validUntil'>): bigint => validUntil + 1n

/** The call with which anybody executes it. */
export function signedRequest(adjudicator: Address, deposit: SignedDeposit): Request {
  const { form, channelId, member, asset, amount, payer, nonce, validUntil, signature } = deposit
  const head = [channelId, member, asset, amount, payer]
  if (form === 'permit2')
    return request(adjudicator, 'depositWithPermit2', [...head, BigInt(nonce), validUntil, signature])
  const { v, r, s } = Signature.from(signature)
  return request(adjudicator, 'depositWithAuthorization', [...head, 0n, endOf(deposit), nonce, v, r, s])
}

const hex = (bytes: number) => z.string().regex(new RegExp(`^0x[0-9a-f]{${2 * bytes}}$`)) as unknown as z.ZodType<Hex>
const decimal = (digits: number) =>
  z
    .string()
    .regex(new RegExp(`^\\d{1,${digits}}$`))
    .transform(BigInt)
const signedSchema = z
  .strictObject({
    tallystick: z.literal('deposit'),
    version: z.literal(1),
    chainId: decimal(78),
    adjudicator: hex(20),
    form: z.enum(['permit2', 'authorization']),
    channelId: hex(32),
    asset: hex(20),
    member: z.int().min(0).max(31),
    amount: decimal(39),
    payer: hex(20),
    nonce: hex(32),
    validUntil: decimal(12),
    signature: z
      .string()
      .max(16_386)
      .regex(/^0x([0-9a-f]{2})+$/) as unknown as z.ZodType<Hex>,
  })
  // An authorization is signed by an account: r, s and v.
  .refine(({ form, signature }) => form === 'permit2' || /^0x.{128}(1b|1c)$/.test(signature))

/** A signed deposit as JSON, to be handed to whoever sends it. */
export const signedDepositText = ({ chainId, adjudicator }: Domain, deposit: SignedDeposit): string =>
  JSON.stringify({ tallystick: 'deposit', version: 1, chainId, adjudicator, ...deposit }, (_, value) =>
    typeof value === 'bigint' ? `${value}` : value,
  )

/** Parses what {@link signedDepositText} wrote, from anybody. Throws {@link SignedDepositError}. */
export function parseSignedDeposit(text: string, domain: Domain): SignedDeposit {
  let parsed: z.infer<typeof signedSchema>
  try {
    // Longer than any: not worth reading.
    parsed = signedSchema.parse(JSON.parse(text.length > MAX_TEXT ? '' : text))
  } catch (cause) {
    throw new SignedDepositError(
      'NOT_A_SIGNED_DEPOSIT',
      'This is no signed deposit. Pass the JSON that signDeposit wrote, unchanged.',
      { cause },
    )
  }
  const { tallystick: _, version: __, chainId, adjudicator, ...deposit } = parsed
  if (chainId !== domain.chainId || adjudicator !== domain.adjudicator)
    throw new SignedDepositError(
      'SIGNED_DEPOSIT_OF_ANOTHER_CHAIN',
      `The deposit is for adjudicator ${adjudicator} on chain ${chainId}. Send it there.`,
    )
  return deposit
}
