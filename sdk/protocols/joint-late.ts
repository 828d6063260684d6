import { toBytes } from '../core/bytes.ts'
import { type Joint, type JointStep, type JointTerms, proposerOf, type Vote } from './joint.ts'
import { digestOf } from './joint-said.ts'

/**
 * Whose part of the version that is tried has not come: of its voters once it is signed here, else of those who are not ready, else of
 * its proposer. Whoever votes for other content, and shows that the proposer signed it, was deceived: the proposer is named.
 */
export function missing(joint: Joint, terms: JointTerms): number[] {
  const { me, attempt, present, complete } = joint
  const members = [...terms.channel.members.keys()]
  const proposer = proposerOf(attempt, members.length)
  const others = members.filter((member) => member !== me)
  const signed = joint.signed.find(({ state }) => state.version === attempt)
  if (!signed) {
    const unready = others.filter((member) => {
      // One that says it holds more than is held here keeps it back.
      return present.get(member)?.complete !== complete.state.version
    })
    return unready.length > 0 ? unready : others.filter((member) => member === proposer)
  }
  const digest = digestOf(signed, terms)
  const named = new Set<number>()
  for (const member of others) {
    const votes = joint.votes.filter((vote) => vote.member === member && vote.version === attempt)
    if (votes.some((vote) => vote.digest === digest)) continue
    named.add(votes.some((vote) => isProposed(vote, terms)) ? proposer : member)
  }
  return [...named].sort((a, b) => a - b)
}

function isProposed({ version, digest, proposed }: Vote, { channel, verify }: JointTerms): boolean {
  const { signer } = channel.members[proposerOf(version, channel.members.length)]!
  return verify(toBytes(digest), proposed, signer)
}

export function blamed(joint: Joint, terms: JointTerms): Joint['late'] {
  const late = new Map(joint.late)
  for (const member of missing(joint, terms)) late.set(member, (late.get(member) ?? 0) + 1)
  return late
}

/** Names whoever kept most versions: one that keeps all but those of another proposer cannot put that one in its place. */
export function stall(joint: Joint, late: Joint['late']): JointStep {
  const most = Math.max(...late.values())
  const named = [...late.keys()].filter((member) => late.get(member) === most).sort((a, b) => a - b)
  const next = { ...joint, named, waiting: undefined, alarmed: joint.now }
  return { next, effects: [{ kind: 'notify', news: { kind: 'stalled', missing: named } }] }
}
