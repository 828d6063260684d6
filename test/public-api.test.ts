import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import * as entry from '../sdk/index.ts'

// Every name that users can import from 'tallystick'. Adding one is a decision: it keeps its meaning between minor versions.
const VALUES = `
  BackupError
  BlockedError
  COIN
  ChainError
  DEFAULT_FORWARDING
  DEFAULT_POLICY
  DEPLOYMENTS
  DepositFormError
  DuplicatePaymentError
  ExitFileError
  ForeignStoreError
  IncompatiblePeerError
  InsufficientBalanceError
  InvalidAmountError
  InvalidInvoiceError
  InvalidMemoError
  InvalidOperationError
  InvalidOptionError
  InvoiceRefusedError
  InvoiceUnknownError
  MAX_PERIOD
  MIN_PERIOD
  MissingKeyError
  NewerStateError
  NoRouteError
  Node
  NodeStoppedError
  PERMIT2
  PROTOCOL_VERSION
  PaymentFailedError
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
  decodeInvoice
  decodeWord
  eip1193Wallet
  encodeChannel
  encodeInvoice
  encodeWord
  escapeControls
  ethersWallet
  hashState
  hashWithdrawal
  invoiceDigest
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
  verifyInvoice
  verifyReceipt
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
  CancelOptions
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
  ForwardingPolicy
  Head
  Hex
  Invoice
  InvoiceTerms
  Keyring
  LedgerBalances
  LedgerRef
  LedgerView
  LedgerWord
  Leg
  ListedPayment
  Listener
  LockTerms
  LockedTransfer
  Member
  MemoryNetwork
  NodeEvent
  NodeOptions
  OnionKey
  OpenOptions
  OpeningPolicy
  OwnerWallet
  PayInvoiceOptions
  PayOptions
  Payer
  Payment
  PaymentEvent
  PaymentFilter
  PaymentProof
  Receipt
  Resolution
  Route
  RouteHop
  SendOptions
  SessionSigner
  SignDepositOptions
  SignedDeposit
  SignedForm
  SignedInvoice
  SigningOptions
  State
  Store
  StoreIdentity
  Survey
  Transfer
  Transport
  TransportOptions
  UnlockOptions
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
