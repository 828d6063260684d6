import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import * as entry from '../sdk/index.ts'

// Every name that users can import from 'tallystick'. Adding one is a decision: it keeps its meaning between minor versions.
const VALUES = `
  BackupError
  BlockedError
  COIN
  ChainError
  DEFAULT_POLICY
  DEPLOYMENTS
  DepositFormError
  DuplicatePaymentError
  ExitFileError
  ForeignStoreError
  IncompatiblePeerError
  InsufficientBalanceError
  InvalidAmountError
  InvalidMemoError
  InvalidOptionError
  MAX_PERIOD
  MIN_PERIOD
  MissingKeyError
  NewerStateError
  Node
  NodeStoppedError
  PERMIT2
  PROTOCOL_VERSION
  PaymentPendingError
  PeerOfflineError
  PeerRefusedError
  PeerViolationError
  SignedDepositError
  StoreError
  StoreFailedError
  TallystickError
  TransportError
  UnknownChannelError
  UnknownSchemeError
  WithdrawalExpiredError
  WithdrawalPendingError
  channelIdOf
  connectChain
  decodeChannel
  decodeWord
  eip1193Wallet
  encodeChannel
  encodeWord
  escapeControls
  ethersWallet
  hashState
  hashWithdrawal
  keyring
  laneWordOf
  ledgerIdOf
  memoryStore
  memoryTransport
  newMnemonic
  openSqlite
  outcomeKey
  parseAddress
  parseExitFile
  recoverSigner
  runExit
  secretKey
  sessionSigner
  signBatch
  signDirect
  stateDigest
  systemClock
  tcpTransport
  transferLeaf
  transfersRoot
  validateState
  verifySignature
  webSocketTransport
  withdrawalDigest
`
const TYPES = `
  AccountingFormat
  Address
  BlockedCode
  BulkPayment
  BulkReceipt
  Chain
  ChainCall
  ChainEvent
  ChainOptions
  ChainReceipt
  Channel
  ChannelId
  ChannelInfo
  Clock
  Connection
  Deployment
  DepositForm
  DepositOptions
  Domain
  EthersChain
  EventOf
  ExitCost
  ExitFile
  ExitLedger
  ExitOptions
  ExitProgress
  Head
  Hex
  Keyring
  LedgerBalances
  LedgerRef
  LedgerView
  LedgerWord
  Leg
  ListedPayment
  Listener
  Member
  MemoryNetwork
  NodeEvent
  NodeOptions
  OpenOptions
  OpeningPolicy
  OwnerWallet
  PayOptions
  Payer
  Payment
  PaymentEvent
  PaymentFilter
  Receipt
  SendOptions
  SessionSigner
  SignDepositOptions
  SignedDeposit
  SignedForm
  SigningOptions
  State
  Store
  StoreIdentity
  Transfer
  Transport
  TransportOptions
  WithdrawOptions
  Withdrawal
  WithdrawalPart
  Write
`

const names = (list: string): string[] => list.trim().split(/\s+/)

describe('the public entry', () => {
  it('exports these functions, classes and constants, and no others', () => {
    expect(Object.keys(entry).sort()).to.deep.equal(names(VALUES))
  })

  it('exports these types, and no others', () => {
    const text = readFileSync(new URL('../sdk/index.ts', import.meta.url), 'utf8')
    const exported = [...text.matchAll(/^export (type )?\{([^}]*)\}/gm)].flatMap(([, all, list]) =>
      list!
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== '' && (all !== undefined || name.startsWith('type ')))
        .map((name) => name.replace('type ', '')),
    )
    expect(exported.sort()).to.deep.equal(names(TYPES))
  })
})
