import type { Hex } from '../../core/types.ts'
import { readAppRecord } from '../../node/apps/app-slot.ts'
import { APPS } from '../../node/keys.ts'
import type { Agreed, AppSession } from '../../protocols/app.ts'
import type { Store } from '../../storage/store.ts'

/** What a node has signed with others in each instance, older versions too: what a cheat keeps and an honest node forgets. */
export class History {
  readonly #sessions = new Map<Hex, { readonly session: AppSession; readonly agreed: Map<number, Agreed> }>()

  /** The same store; what is written of instances is remembered here. */
  of(store: Store): Store {
    return {
      ...store,
      commit: (writes) => {
        for (const { key, value } of writes) if (value && key.startsWith(APPS)) this.#note(value)
        return store.commit(writes)
      },
    }
  }

  #note(record: Uint8Array): void {
    const { session } = readAppRecord(record)
    const agreed = this.#sessions.get(session.id)?.agreed ?? new Map<number, Agreed>()
    if (session.agreed) agreed.set(session.agreed.version, session.agreed)
    this.#sessions.set(session.id, { session, agreed })
  }

  session(id: Hex): AppSession | undefined {
    return this.#sessions.get(id)?.session
  }

  /** Agreed states of an instance, the oldest first. */
  agreed(id: Hex): readonly Agreed[] {
    return [...(this.#sessions.get(id)?.agreed.values() ?? [])].sort((a, b) => a.version - b.version)
  }
}
