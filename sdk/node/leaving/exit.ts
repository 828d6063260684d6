import { z } from 'zod'
import { toBytes, toHex } from '../../core/bytes.ts'
import { channelIdOf, decodeChannel, encodeChannel, MAX_MEMBERS } from '../../core/channel.ts'
import { TallystickError } from '../../core/errors.ts'
import { stateDigest, validateState } from '../../core/state.ts'
import { MAX_LEGS_EACH, MAX_TRANSFERS, transfersRoot } from '../../core/transfer.ts'
import type { Address, Channel, Domain, Hex, LedgerRef, State, Transfer } from '../../core/types.ts'
import { enforceable } from '../../protocols/disputing.ts'
import { verifySignature } from '../../signing/signature.ts'
import type { SessionSigner } from '../../signing/signer.ts'
import type { GroupSlot } from '../groups/group-slot.ts'
import type { Slot } from '../ledgers/slot.ts'

// Everything needed to leave without a node: the channels and, for each ledger, the newest states that the others signed,
// with all members' signatures. No secret is in it; whoever has it can only submit the truth.

const hex = (bytes: number) => z.string().regex(new RegExp(`^0x[0-9a-f]{${2 * bytes}}$`))
const decimal = z.string().regex(/^-?\d{1,40}$/)

const member = z
  .int()
  .min(0)
  .max(MAX_MEMBERS - 1)

const transferSchema = z.strictObject({
  amount: decimal,
  deadline: decimal,
  refundTo: member,
  legs: z.array(z.strictObject({ to: member, key: hex(32) })).max(MAX_LEGS_EACH),
})

const stateSchema = z.strictObject({
  lane: z.int().min(0).max(1),
  version: decimal,
  credits: z.array(decimal).max(MAX_MEMBERS),
  locked: decimal,
  /** What is locked in it, in the order of the root. */
  transfers: z.array(transferSchema).max(MAX_TRANSFERS),
  signatures: z.array(hex(64)).max(MAX_MEMBERS),
})

const exitSchema = z.strictObject({
  tallystick: z.literal('exit'),
  version: z.literal(1),
  chainId: decimal,
  adjudicator: hex(20),
  ledgers: z
    .array(
      z.strictObject({
        channel: z
          .string()
          .regex(/^0x([0-9a-f]{2})*$/)
          .max(2_602),
        asset: hex(20),
        generation: z.int().min(0).max(32_767),
        states: z.array(stateSchema).max(2),
      }),
    )
    .max(100_000),
})

/** The exit file as JSON. */
export type ExitFile = z.infer<typeof exitSchema>

/** One ledger of an exit file, checked. */
export interface ExitLedger extends LedgerRef {
  readonly channel: Channel
  readonly generation: number
  /** Each with the signatures of all members, in order. */
  readonly states: readonly {
    readonly state: State
    readonly transfers: readonly Transfer[]
    readonly signatures: readonly Uint8Array[]
  }[]
}

/** A file is no exit file, or one of another chain. */
export class ExitFileError extends TallystickError {
  readonly code: 'NOT_AN_EXIT_FILE' | 'EXIT_FILE_OF_ANOTHER_CHAIN'

  constructor(code: ExitFileError['code'], fact: string, options?: ErrorOptions) {
    super(fact, options)
    this.code = code
  }
}

/** Writes the exit file of these ledgers and groups. */
export function exitFile(
  slots: Iterable<Slot>,
  groups: Iterable<GroupSlot>,
  domain: Domain,
  signer: SessionSigner,
): ExitFile {
  const ledgers = [...slots].map((slot) => {
    const { entry, ledger, terms } = slot
    const states = enforceable(ledger).map(({ state, pending, signature }) => {
      // Enforceable is what the peer signed; this side signs it here, as it does when it submits.
      const own = signer.sign(stateDigest(terms.domain, state))
      const signatures = (ledger.me === 0 ? [own, signature] : [signature, own]).map(toHex)
      const { lane, version, credits, locked } = state
      return {
        lane,
        version: `${version}`,
        credits: credits.map(String),
        locked: `${locked}`,
        transfers: pending.list.transfers.map(writeTransfer),
        signatures,
      }
    })
    return { channel: toHex(encodeChannel(entry.channel)), asset: ledger.asset, generation: ledger.generation, states }
  })
  const all = [...ledgers, ...[...groups].map(writeGroup)]
  return { tallystick: 'exit', version: 1, chainId: `${domain.chainId}`, adjudicator: domain.adjudicator, ledgers: all }
}

function writeGroup({ entry, ledger }: GroupSlot): ExitFile['ledgers'][number] {
  const { state, pending, signatures } = ledger.complete
  const written = {
    lane: 0,
    version: `${state.version}`,
    credits: state.credits.map(String),
    locked: `${state.locked}`,
    transfers: pending.list.transfers.map(writeTransfer),
    signatures: signatures.map(toHex),
  }
  const states = state.version > 0n ? [written] : []
  return { channel: toHex(encodeChannel(entry.channel)), asset: entry.asset, generation: ledger.generation, states }
}

type WrittenTransfer = z.infer<typeof transferSchema>

const writeTransfer = ({ amount, deadline, refundTo, legs }: Transfer): WrittenTransfer => ({
  amount: `${amount}`,
  deadline: `${deadline}`,
  refundTo,
  legs: legs.map(({ to, key }) => ({ to, key })),
})

const readTransfer = ({ amount, deadline, refundTo, legs }: WrittenTransfer): Transfer => ({
  amount: BigInt(amount),
  deadline: BigInt(deadline),
  refundTo,
  legs: legs.map(({ to, key }) => ({ to, key: key as Hex })),
})

/** Parses and checks an exit file, signatures included. Throws {@link ExitFileError}. */
export function parseExitFile(text: string, domain: Domain): ExitLedger[] {
  let file: ExitFile
  try {
    file = exitSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new ExitFileError(
      'NOT_AN_EXIT_FILE',
      'This is no exit file. Pass the JSON that exportExit wrote, unchanged.',
      { cause },
    )
  }
  if (BigInt(file.chainId) !== domain.chainId || file.adjudicator !== domain.adjudicator.toLowerCase())
    throw new ExitFileError(
      'EXIT_FILE_OF_ANOTHER_CHAIN',
      `The exit file is for adjudicator ${file.adjudicator} on chain ${file.chainId}. Use an RPC of that chain.`,
    )
  return file.ledgers.map((ledger) => checked(ledger, domain))
}

function checked(
  { channel: packed, asset, generation, states }: ExitFile['ledgers'][number],
  domain: Domain,
): ExitLedger {
  const channel = decodeChannel(toBytes(packed))
  const ref = { channelId: channelIdOf(domain, channel), asset: asset as Address }
  const signed = states.map(({ lane, version, credits, locked, transfers: written, signatures }) => {
    const transfers = written.map(readTransfer)
    const state: State = {
      ...ref,
      generation,
      lane,
      version: BigInt(version),
      credits: credits.map(BigInt),
      locked: BigInt(locked),
      transfersRoot: transfersRoot(transfers),
    }
    validateState(state)
    const digest = stateDigest(domain, state)
    const bytes = signatures.map((signature) => toBytes(signature))
    const isSigned = channel.members.every(({ signer }, index) => {
      const one = bytes[index]
      return one !== undefined && verifySignature(digest, one, signer)
    })
    if (!isSigned || bytes.length !== channel.members.length)
      throw new ExitFileError(
        'NOT_AN_EXIT_FILE',
        `A signature over version ${version} in the exit file is wrong. Use an undamaged copy.`,
      )
    return { state, transfers, signatures: bytes }
  })
  return { ...ref, channel, generation, states: signed }
}
