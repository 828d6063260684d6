import { Contract } from 'ethers'
import { TOKEN_ABI } from '../../sdk/chain/abi.ts'
import { connectHouse } from '../../sdk/chain/house/connect-house.ts'
import { type FoundedHouse, foundHouse } from '../../sdk/chain/house/deploy.ts'
import type { EthersHouse } from '../../sdk/chain/house/ethers-house.ts'
import { toBytes } from '../../sdk/core/bytes.ts'
import { type Address, COIN, type Hex } from '../../sdk/core/types.ts'
import type { MemberEvent } from '../../sdk/house/member/events.ts'
import { type JoinOptions, joinHouse } from '../../sdk/house/member/join.ts'
import type { HouseMember } from '../../sdk/house/member/member.ts'
import type { Insurance } from '../../sdk/house/operator/insuring.ts'
import { HouseOperator } from '../../sdk/house/operator/operator.ts'
import { sessionSigner } from '../../sdk/signing/session.ts'
import { memoryStore } from '../../sdk/storage/memory.ts'
import { memorySeal } from '../../sdk/storage/seal.ts'
import type { Store } from '../../sdk/storage/store.ts'
import { tcpTransport } from '../../sdk/transport/tcp.ts'
import type { Transport } from '../../sdk/transport/transport.ts'
import { artifact, deploy, startAnvil, type TestChain } from '../sdk/chain/anvil.ts'
import { until } from '../until.ts'

export const WINDOW = 1_000n
const TIMES = { interval: 100_000n, window: WINDOW, answerTime: 500n, answerTimeEach: 10n, answerTimeMost: 900n }
const CODE = {
  house: artifact('contracts/ClearingHouse.sol/ClearingHouse').bytecode as Hex,
  court: artifact('contracts/HouseCourt.sol/HouseCourt').bytecode as Hex,
}
const lower = (address: string) => address.toLowerCase() as Address
/** A member with what it was told. */
export interface Citizen {
  readonly house: HouseMember
  readonly chain: EthersHouse
  readonly store: Store
  readonly events: MemberEvent[]
  readonly owner: Address
}

/** A house on a chain of its own, with its operator and members on real sockets. */
export class Town {
  readonly chain: TestChain
  readonly token: Address
  readonly founded: FoundedHouse
  operator!: HouseOperator
  readonly operatorStore = memoryStore()
  readonly #seal = memorySeal()
  readonly #open = new Set<{ close(): Promise<void> }>()
  #address = 'tcp://127.0.0.1:0'
  #now = 0
  #ownsChain = true
  #account = 0
  #insurance: Insurance | undefined
  #through = (one: Transport) => one

  private constructor(chain: TestChain, token: Address, founded: FoundedHouse) {
    this.chain = chain
    this.token = token
    this.founded = founded
  }

  /** @param on Whose chain it stands on; default: one of its own. `account`: the operator's. `through`: what its frames go through. */
  static async found({
    on,
    account = 0,
    insurance,
    through,
  }: {
    readonly on?: TestChain
    readonly account?: number
    readonly insurance?: Insurance
    readonly through?: (one: Transport) => Transport
  } = {}): Promise<Town> {
    const chain = on ?? (await startAnvil())
    const token = await deploy(chain.wallet(1), 'contracts/demo/DemoToken.sol/DemoToken', 10n ** 24n)
    const founded = await foundHouse(chain.wallet(9), CODE, {
      ...TIMES,
      operator: lower(chain.wallet(account).address),
      registry: chain.registry,
      assets: [COIN, token],
    })
    const town = new Town(chain, token, founded)
    town.#ownsChain = on === undefined
    town.#account = account
    town.#insurance = insurance
    if (through) town.#through = through
    await town.start()
    return town
  }

  /** The operator begins, or begins again with what it remembers. */
  async start(): Promise<void> {
    const began = performance.now()
    this.#now = 1_000 * (await this.chain.provider.getBlock('latest'))!.timestamp
    const signer = sessionSigner(toBytes(this.chain.wallet(this.#account).privateKey))
    this.operator = await HouseOperator.start({
      chain: await this.connect(this.#account, memoryStore()),
      store: this.operatorStore,
      seal: this.#seal,
      signer,
      transports: [this.#through(tcpTransport({ signer }))],
      listen: [this.#address],
      epochSeconds: 1_000,
      ...(this.#insurance && { insurance: this.#insurance }),
      now: () => this.#now + Math.floor(performance.now() - began),
    })
    this.#address = this.operator.listening[0]!
  }

  /** Where the operator is. */
  get address(): string {
    return this.#address
  }

  connect(account: number, store: Store): Promise<EthersHouse> {
    const { house, fromBlock } = this.founded
    return connectHouse({
      rpc: this.chain.url,
      store,
      house,
      fromBlock,
      pollMs: 20,
      signer: this.chain.wallet(account),
    })
  }

  /** @param through What its frames go through. */
  async join(
    account: number,
    {
      store = memoryStore(),
      through = (one: Transport) => one,
      ...options
    }: Partial<JoinOptions> & { store?: Store; through?: (one: Transport) => Transport } = {},
  ): Promise<Citizen> {
    const signer = sessionSigner(new Uint8Array(32).fill(account))
    const owner = lower(this.chain.wallet(account).address)
    const chain = await this.connect(account, store)
    const transports = [through(tcpTransport({ signer }))]
    const events: MemberEvent[] = []
    const onEvent = (event: MemberEvent) => void events.push(event)
    const house = await joinHouse({
      chain,
      signer,
      owner,
      store,
      transports,
      operator: this.#address,
      onEvent,
      ...options,
    })
    this.#open.add(house)
    return { house, chain, store, events, owner }
  }

  async leave({ house }: Citizen): Promise<void> {
    this.#open.delete(house)
    await house.close()
  }

  /** Nothing is answered any more. */
  halt(): Promise<void> {
    return this.operator.stop()
  }

  /** Cuts the open epoch and waits until it is committed and everybody has checked it. */
  async cut(...citizens: Citizen[]): Promise<bigint> {
    const { open: next, nextCut } = this.operator.status()
    this.#now = nextCut + 1
    await this.chain.mine()
    await until(async () => {
      await this.chain.mine()
      return this.operator.status().committed === next
    })
    await until(() => citizens.every(({ house }) => house.verifyEpoch(next) !== undefined))
    return next
  }

  /** Time passes on the chain. */
  async pass(seconds: bigint): Promise<void> {
    await this.chain.rpc('evm_increaseTime', Number(seconds))
    await this.chain.mine(2)
  }

  async balance(owner: Address, asset: Address = COIN): Promise<bigint> {
    if (asset === COIN) return this.chain.provider.getBalance(owner)
    return (await new Contract(asset, TOKEN_ABI, this.chain.provider).getFunction('balanceOf')(owner)) as bigint
  }

  async stop(): Promise<void> {
    for (const one of this.#open) await one.close()
    await this.operator.stop()
    if (this.#ownsChain) await this.chain.stop()
  }
}
