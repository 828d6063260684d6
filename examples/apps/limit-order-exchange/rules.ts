// The twin of contracts/apps/LimitOrderExchange.sol.

export interface Order {
  readonly party: number
  readonly sells: boolean
  readonly base: bigint
  readonly quote: bigint
}

/** What party 0 has gained of both assets, or lost if it is negative; `turn` 2: closed. */
export interface State {
  readonly base: bigint
  readonly quote: bigint
  readonly turn: number
  readonly orders: readonly Order[]
}

export interface Move {
  readonly action: number
  readonly order: number
  readonly sells: boolean
  readonly base: bigint
  readonly quote: bigint
}

const ONE = 10n ** 18n
const CLOSED = 2
const MAX_ORDERS = 16

export const ACTION = { pass: 0, place: 1, cancel: 2, fill: 3, close: 4 } as const

export const opening: State = { base: 0n, quote: 0n, turn: 0, orders: [] }

/** The seat whose move it is, 0 or 2; undefined: over. */
export function turn(state: State): number | undefined {
  check(state)
  return state.turn === CLOSED ? undefined : 2 * state.turn
}

/** The state after a move. Throws if it is illegal. */
export function advance(state: State, move: Move): State {
  if (turn(state) === undefined) throw new Error('Over')
  if (move.action === ACTION.pass) return { ...state, turn: 1 - state.turn }
  if (move.action === ACTION.close) return { ...state, turn: CLOSED }
  if (move.action === ACTION.place) return placed(state, move)
  if (move.action === ACTION.cancel) return cancelled(state, move)
  if (move.action === ACTION.fill) return filled(state, move)
  throw new Error('no action of these')
}

/** What each seat gets, in parts of 1e18. */
export function outcome(state: State): readonly bigint[] {
  check(state)
  const { base, quote } = state
  return [gain(base), gain(quote), gain(-base), gain(-quote)]
}

function placed(state: State, { sells, base, quote }: Move): State {
  if (state.orders.length >= MAX_ORDERS) throw new Error('TooManyOrders')
  if (base === 0n || quote === 0n) throw new Error('WrongSize')
  return { ...state, orders: [...state.orders, { party: state.turn, sells, base, quote }] }
}

function cancelled(state: State, { order: place }: Move): State {
  orderAt(state, place, state.turn)
  return { ...state, orders: without(state.orders, place) }
}

function filled(state: State, { order: place, base }: Move): State {
  const order = orderAt(state, place, 1 - state.turn)
  if (base === 0n || base > order.base) throw new Error('WrongSize')
  // Rounded in favour of who placed the order.
  const price = (base * order.quote + (order.sells ? order.base - 1n : 0n)) / order.base
  const sign = (order.party === 1) === order.sells ? 1n : -1n
  const rest = { ...order, base: order.base - base, quote: order.quote - price }
  const orders = rest.base === 0n ? without(state.orders, place) : state.orders.with(place, rest)
  const next = { ...state, base: state.base + sign * base, quote: state.quote - sign * price, orders }
  check(next)
  return next
}

function orderAt({ orders }: State, place: number, party: number): Order {
  const order = orders[place]
  if (order === undefined) throw new Error('NoSuchOrder')
  if (order.party !== party) throw new Error('WrongParty')
  return order
}

/** The last order takes the place of the one that leaves. */
function without(orders: readonly Order[], place: number): readonly Order[] {
  const shorter = orders.slice(0, -1)
  return place < shorter.length ? shorter.with(place, orders.at(-1)!) : shorter
}

const gain = (amount: bigint): bigint => (amount > 0n ? amount : 0n)

function check({ base, quote, turn, orders }: State): void {
  if (turn > CLOSED) throw new Error('NoSuchTurn')
  if (orders.length > MAX_ORDERS) throw new Error('TooManyOrders')
  if (orders.some(({ party }) => party >= CLOSED)) throw new Error('WrongParty')
  if (orders.some((order) => order.base === 0n)) throw new Error('WrongSize')
  if (gain(base) + gain(-base) + gain(quote) + gain(-quote) > ONE) throw new Error('MoreThanLocked')
}
