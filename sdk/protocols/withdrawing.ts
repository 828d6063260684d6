import { toHex } from '../core/bytes.ts'
import { TallystickError } from '../core/errors.ts'
import { ZERO_HASH } from '../core/state.ts'
import { COIN, type LedgerWord, type Withdrawal, type WithdrawalPart } from '../core/types.ts'
import { withdrawalDigest } from '../core/withdrawal.ts'
import { decodeWord } from '../core/word.ts'
import type { ChainFacts, InFlight, Ledger, Terms, WithdrawalRequest } from './ledger.ts'
import type { Consent, Propose, Refuse } from './messages.ts'
import { type BlockedCode, BlockedError, InsufficientBalanceError, spendable, unsettled } from './solvency.ts'
import { type LedgerEffect, type Step, stay } from './step.ts'

// A withdrawal, co-signed while payments go on. At most one is on its way per ledger.
//
//   proposer: withdraw ─▶ proposed ──consent──▶ agreed ─▶ execute ─▶ (seq passed) done
//                           └──refuse──▶ over                └─ (final block after validUntil, or closing and outgrown) ─▶ over
//   other:    propose ─ would it hurt? ─▶ sign ─▶ granted ─▶ (seq passed | expired) over
//                           └─▶ refuse
//
// A closing one pays all to both and ends the generation, so it counts the newest state of each lane: the proposer signs
// no update from its proposal on, the other none from its consent on, and each names its last version. It may end a dispute
// too, by naming its expiry: agreement beats it. The dispute goes on until that is in a block.

type Proposed = Extract<InFlight, { stage: 'proposed' }>

/** Chain seconds that a withdrawal may at most be valid for: so long its money may be locked by a silent peer. */
export const MAX_VALIDITY = 86_400n

/** Another withdrawal of this ledger is on its way. */
export class WithdrawalPendingError extends TallystickError {
  readonly code = 'WITHDRAWAL_PENDING'

  constructor() {
    super('Another withdrawal of this ledger is on its way. Wait until it is executed or has expired.')
  }
}

/** Why no withdrawal may be signed now, if so. A frozen ledger can still be closed, and so can a disputed one. */
function stopped(ledger: Ledger, closes: boolean): BlockedCode | undefined {
  const code = unsettled(ledger, closes)
  if (code) return code
  const { head, confirmed, latest, confirmedBalances, latestBalances } = ledger.facts!
  // A closing one must leave zero, and what is locked is nobody's yet.
  if (closes && (ledger.own.newest.locked > 0n || ledger.peer.newest.locked > 0n)) return 'TRANSFERS_PENDING'
  // From the expiry on anybody settles, which pays everybody as well.
  if (latest.phase === 'disputed' && head.timestamp >= latest.expiry) return 'LEDGER_DISPUTED'
  if (confirmed.phase === 'disputed') return isSame(confirmed, latest) ? undefined : 'AWAITING_CONFIRMATIONS'
  // Exactly the confirmed seq: a withdrawal in a block that may still vanish would make two valid at once.
  const moving = seqIn(latest, ledger.facts!.base) !== confirmed.seq
  // A closing one must leave zero, so a deposit on its way would make it fail.
  const depositing = closes && latestBalances.some((balance, member) => balance !== confirmedBalances[member])
  return moving || depositing ? 'AWAITING_CONFIRMATIONS' : undefined
}

const isSame = (a: LedgerWord, b: LedgerWord): boolean =>
  a.phase === 'disputed' && b.phase === 'disputed' && a.expiry === b.expiry && a.commitment === b.commitment

/** The seq of a word; a disputed one keeps it in the preimage of its commitment. */
function seqIn(word: LedgerWord, base: readonly bigint[]): number {
  const open = word.phase === 'open' ? word : decodeWord(base[0] ?? 0n)
  return open.phase === 'open' ? open.seq : -1
}

/** The seq and the dispute that a withdrawal must name now; only asked where {@link stopped} leaves no doubt about them. */
const placeOf = ({ facts }: Ledger): { readonly seq: number; readonly dispute: bigint } => ({
  seq: facts ? seqIn(facts.latest, facts.base) : -1,
  dispute: facts?.latest.phase === 'disputed' ? facts.latest.expiry : 0n,
})

/** The user wants money out. Throws what stops it. */
export function withdraw(ledger: Ledger, { request }: { readonly request: WithdrawalRequest }): Step {
  const code = stopped(ledger, request.closing)
  if (code) throw new BlockedError(code)
  if (ledger.inFlight) throw new WithdrawalPendingError()
  const available = spendable(ledger, ledger.me)
  if (!request.closing && (request.amount <= 0n || request.amount > available))
    throw new InsufficientBalanceError(available, request.amount)
  const balances = ledger.facts!.confirmedBalances
  const inFlight: Proposed = {
    stage: 'proposed',
    request,
    ...placeOf(ledger),
    balances: [balances[0]!, balances[1]!],
  }
  return { next: { ...ledger, inFlight }, effects: [proposalOf(ledger, inFlight)] }
}

/** The user takes back what the peer has not agreed to. Should the peer agree later, that is ignored. */
export function abandon(ledger: Ledger, { id }: { readonly id: string }): Step {
  const { inFlight } = ledger
  if (inFlight?.stage !== 'proposed' || inFlight.request.id !== id) return stay(ledger)
  return { next: { ...ledger, inFlight: undefined }, effects: [] }
}

/** The message that proposes; the same one may be sent again. */
export function proposalOf(ledger: Ledger, { request, seq, dispute, balances }: Proposed): LedgerEffect {
  const { channelId, asset, generation, own } = ledger
  const { closing, amount, to, toChannel, toMember, validUntil } = request
  const terms = { closing, amount, to, toChannel, toMember, validUntil, dispute, balances, version: own.newest.version }
  return { kind: 'send', message: { kind: 'propose', channelId, asset, generation, seq, ...terms } }
}

type Asked = Omit<Propose, 'kind' | 'channelId' | 'asset' | 'generation' | 'version'>

/** The withdrawal that a proposal of `proposer` stands for; both sides build the same. */
function build(ledger: Ledger, proposer: number, asked: Asked): Withdrawal {
  const { channelId, asset, generation } = ledger
  const parts: WithdrawalPart[] = []
  for (const member of [0, 1]) {
    const mine = member === proposer
    const credits = ledger.own.newest.credits[member]! + ledger.peer.newest.credits[member]!
    const amount = asked.closing ? asked.balances[member]! + credits : mine ? asked.amount : 0n
    if (amount === 0n) continue
    // The other member is paid to its owner.
    const { to, toChannel, toMember } = mine ? asked : { to: COIN, toChannel: ZERO_HASH, toMember: 0 }
    parts.push({ member, amount, to, toChannel, toMember })
  }
  const { seq, closing, validUntil, dispute } = asked
  return { channelId, asset, generation, seq, parts, closing, validUntil, dispute }
}

/** The peer wants money out. */
export function proposed(ledger: Ledger, asked: Propose, terms: Terms): Step {
  if (asked.generation < ledger.generation) return stay(ledger)
  const refuse = (reason: string, again: boolean): Step => ({
    next: ledger,
    effects: [{ kind: 'send', message: refusal(asked, reason, again) }],
  })
  if (asked.generation > ledger.generation) return refuse('the generation is not confirmed here yet', true)
  const code = stopped(ledger, asked.closing)
  if (code) return refuse(code, true)
  const { seq, dispute } = placeOf(ledger)
  if (asked.seq !== seq) return refuse('the sequence number is not the confirmed one here', true)
  if (asked.dispute !== dispute) return refuse('the dispute that it names is not the one seen here', true)
  const withdrawal = build(ledger, 1 - ledger.me, asked)
  if (!isPayable(withdrawal)) return refuse('a member has less than nothing', true)
  const { inFlight } = ledger
  if (inFlight?.stage === 'granted' && sameWithdrawal(inFlight.withdrawal, withdrawal, terms))
    return { next: ledger, effects: [consentOf(ledger, inFlight)] }
  // What this side forgot the peer may hide, and a signature here would be too quick for a tower or an exit file that know it.
  const asks = inFlight?.stage === 'proposed' && inFlight.request.closing
  if (ledger.frozen && !asks) return refuse('this ledger is frozen, so its own side has to ask for the closing', false)
  // Two proposals crossed: that of the member with the lower index goes first, the other is proposed again later.
  const yields = inFlight?.stage === 'proposed' && ledger.me === 1
  if (inFlight && !yields) return refuse('another withdrawal is on its way', true)
  const free: Ledger = { ...ledger, inFlight: undefined }
  const objection = objectionTo(free, asked)
  if (objection) return refuse(objection.reason, objection.again)
  const effects: LedgerEffect[] = []
  if (yields) {
    const reason = 'the peer proposed one at the same time'
    effects.push({ kind: 'notify', news: { kind: 'refused', id: inFlight.request.id, reason, again: true } })
  }
  effects.push({ kind: 'sign', what: 'consent', digest: withdrawalDigest(terms.domain, withdrawal) })
  // Locked before it is signed.
  return { next: { ...free, inFlight: { stage: 'granted', withdrawal, consent: undefined } }, effects }
}

function objectionTo(ledger: Ledger, asked: Propose): { readonly reason: string; readonly again: boolean } | undefined {
  const { head, confirmedBalances } = ledger.facts!
  if (asked.validUntil <= head.timestamp) return { reason: 'it has expired', again: true }
  if (asked.validUntil > head.timestamp + MAX_VALIDITY)
    return { reason: 'it would be valid for too long', again: false }
  if (!asked.closing) {
    const enough = asked.amount > 0n && asked.amount <= spendable(ledger, 1 - ledger.me)
    return enough ? undefined : { reason: 'the proposer cannot spend that much', again: false }
  }
  if (asked.version !== ledger.peer.newest.version) return { reason: 'updates are still on their way', again: true }
  if (asked.balances.some((balance, member) => balance !== confirmedBalances[member]))
    return { reason: 'the confirmed deposits differ', again: true }
  return undefined
}

/** Balances come from the peer or are older than the states, so a share can be negative, which nothing can hash or store. */
const isPayable = ({ parts }: Withdrawal): boolean => parts.every(({ amount }) => amount > 0n)

const sameWithdrawal = (a: Withdrawal, b: Withdrawal, { domain }: Terms): boolean =>
  toHex(withdrawalDigest(domain, a)) === toHex(withdrawalDigest(domain, b))

function refusal({ channelId, asset, generation, seq }: Propose, reason: string, again: boolean): Refuse {
  return { kind: 'refuse', channelId, asset, generation, seq, again, reason }
}

function consentOf(ledger: Ledger, granted: Extract<InFlight, { stage: 'granted' }>): LedgerEffect {
  const { channelId, asset, generation, own } = ledger
  const { seq } = granted.withdrawal
  const signature = granted.consent!
  return {
    kind: 'send',
    message: { kind: 'consent', channelId, asset, generation, seq, version: own.newest.version, signature },
  }
}

/** The signature that {@link proposed} asked for. */
export function consentSigned(ledger: Ledger, signature: Uint8Array): Step {
  const { inFlight } = ledger
  if (inFlight?.stage !== 'granted') return stay(ledger)
  const granted = { ...inFlight, consent: signature }
  const next = { ...ledger, inFlight: granted }
  const news = { kind: 'granted', withdrawal: granted.withdrawal, id: undefined } as const
  return { next, effects: [consentOf(next, granted), { kind: 'notify', news }] }
}

/** The peer agreed. */
export function consented(ledger: Ledger, consent: Consent, terms: Terms): Step {
  const { inFlight } = ledger
  if (inFlight?.stage !== 'proposed' || consent.generation !== ledger.generation || consent.seq !== inFlight.seq)
    return stay(ledger)
  const { request, balances, seq, dispute } = inFlight
  // It counted updates that have not arrived: they come again after a sync, and so does its consent after a reminder.
  if (request.closing && consent.version !== ledger.peer.newest.version) return stay({ ...ledger, missed: true })
  const withdrawal = build(ledger, ledger.me, { ...request, seq, dispute, balances })
  if (!isPayable(withdrawal)) return stay(ledger)
  const signer = terms.channel.members[1 - ledger.me]!.signer
  // It may be the consent to an earlier proposal, which was taken back while it was on its way.
  if (!terms.verify(withdrawalDigest(terms.domain, withdrawal), consent.signature, signer)) return stay(ledger)
  const next: Ledger = { ...ledger, inFlight: { stage: 'agreed', request, withdrawal, consent: consent.signature } }
  const news = { kind: 'agreed', withdrawal, id: request.id } as const
  return {
    next,
    effects: [
      { kind: 'notify', news },
      { kind: 'execute', withdrawal, consent: consent.signature },
    ],
  }
}

/** The peer did not agree. */
export function refused(ledger: Ledger, { generation, seq, reason, again }: Refuse): Step {
  const { inFlight } = ledger
  if (inFlight?.stage !== 'proposed' || generation !== ledger.generation || seq !== inFlight.seq) return stay(ledger)
  const news = { kind: 'refused', id: inFlight.request.id, reason, again } as const
  return { next: { ...ledger, inFlight: undefined }, effects: [{ kind: 'notify', news }] }
}

/** Looks whether the withdrawal on its way was executed or can never be, by what is final on chain. */
export function reviewWithdrawal(ledger: Ledger): Step {
  const { inFlight, facts } = ledger
  if (!inFlight || !facts) return stay(ledger)
  const id = inFlight.stage === 'granted' ? undefined : inFlight.request.id
  const { confirmed, confirmedHead } = facts
  const { seq, dispute, validUntil } =
    inFlight.stage === 'proposed' ? { ...inFlight, ...inFlight.request } : inFlight.withdrawal
  const over = (news: Extract<LedgerEffect, { kind: 'notify' }>['news']): Step => ({
    next: { ...ledger, inFlight: undefined },
    effects: [{ kind: 'notify', news }],
  })
  const refused = (reason: string) => over({ kind: 'refused', id: id!, reason, again: true })
  if (confirmed.phase === 'open' && confirmed.seq > seq)
    return inFlight.stage === 'proposed'
      ? refused('another withdrawal was executed')
      : over({ kind: 'withdrawn', id, withdrawal: inFlight.withdrawal })
  if (confirmedHead.timestamp > validUntil || isOutgrown(inFlight, facts)) return over({ kind: 'expired', id })
  // The chain takes nothing else from a disputed ledger than what names the dispute.
  if (confirmed.phase === 'disputed' && confirmed.expiry !== dispute)
    return inFlight.stage === 'proposed' ? refused('a dispute began') : over({ kind: 'expired', id })
  if (inFlight.stage !== 'agreed' || facts.latest.generation !== ledger.generation) return stay(ledger)
  const place = placeOf(ledger)
  if (place.seq !== seq || place.dispute !== dispute) return stay(ledger)
  return {
    next: ledger,
    effects: [{ kind: 'execute', withdrawal: inFlight.withdrawal, consent: inFlight.consent }],
  }
}

/**
 * Whether a closing one cannot leave zero any more, since somebody paid in. Balances only grow until its seq has passed, so that
 * anybody's single wei would else keep both from paying until it expires.
 */
function isOutgrown(inFlight: InFlight, { confirmedBalances }: ChainFacts): boolean {
  if (inFlight.stage === 'proposed' || !inFlight.withdrawal.closing) return false
  const paid = inFlight.withdrawal.parts.reduce((sum, { amount }) => sum + amount, 0n)
  return confirmedBalances.reduce((sum, balance) => sum + balance, 0n) > paid
}
