// The public entry of Tallystick: what is exported here keeps its meaning between minor versions.

export type { MoveOf, StateOf } from './apps/codec.ts'
export { type App, type AppSource, defineApp } from './apps/define-app.ts'
export type { AppCode } from './apps/evm-deploy.ts'
export { type EvmRulesOptions, evmRules } from './apps/evm-rules.ts'
export { assertPure } from './apps/purity.ts'
export { AppStateError, IllegalMoveError, ImpureAppError, InvalidAppError, type Rules } from './apps/rules.ts'
export type { Twin } from './apps/twin.ts'
export type { EthersChain } from './chain/adapter.ts'
export type { AgreedState, AppChain, AppStatus, StandingInstance } from './chain/apps/app-chain.ts'
export type {
  Chain,
  ChainCall,
  ChainEvent,
  ChainReceipt,
  DepositForm,
  Head,
  LedgerView,
  Payer,
  SendOptions,
  SignedDeposit,
  SignedForm,
  SigningOptions,
  Survey,
} from './chain/chain.ts'
export { connectChain } from './chain/connect.ts'
export { DEPLOYMENTS, type Deployment } from './chain/deployment.ts'
export { DepositFormError } from './chain/deposit.ts'
export { ChainError } from './chain/errors.ts'
export { connectHouse } from './chain/house/connect-house.ts'
export type { HouseChain, HouseTerms } from './chain/house/house-chain.ts'
export type { HouseOptions } from './chain/house/options.ts'
export { SharedHouse } from './chain/house/shared.ts'
export type { ChainOptions } from './chain/options.ts'
export { PERMIT2, SignedDepositError } from './chain/signed-deposit.ts'
export type { HouseLock, Leg as HouseLeg, Payment as HousePayment } from './clearing/account.ts'
export type { Entry as HouseEntry } from './clearing/book.ts'
export type { CheckRule, Finding } from './clearing/checking.ts'
export { nettingChart } from './clearing/netting/chart.ts'
export { NettingError } from './clearing/netting/check.ts'
export type { NettingFigures } from './clearing/netting/figures.ts'
export { type Netting, netObligations } from './clearing/netting/net.ts'
export type { Discharge, Funds, LeftOut, NettingObligation } from './clearing/netting/obligation.ts'
export type { Debit, NetPosition } from './clearing/netting/position.ts'
export { nettingTable } from './clearing/netting/table.ts'
export { fromChannel, intoChannel, lockForSecret } from './connecting/channel-side.ts'
export { Connector, type ConnectorOptions, type Crossing, NotCarriedError } from './connecting/connector.ts'
export { FastWithdrawError, type FastWithdrawOptions, fastWithdraw } from './connecting/fast-withdraw.ts'
export { type FromHouseOptions, fromHouse, intoHouse } from './connecting/house-side.ts'
export type { Arrived, Inlet, LockTerms as ConnectorTerms, Outlet } from './connecting/side.ts'
export { parseAddress } from './core/address.ts'
export {
  type Instance,
  InvalidInstanceError,
  instanceIdOf,
  type SignedMove,
  type Standing,
  seatKey,
} from './core/app.ts'
export { appAddress } from './core/app-address.ts'
export { channelIdOf, decodeChannel, encodeChannel, ledgerIdOf, MAX_PERIOD, MIN_PERIOD } from './core/channel.ts'
export {
  clockData,
  conditionKey,
  decideLogic,
  decodeClock,
  decodeLogic,
  decodeVouched,
  InvalidConditionError,
  type Logic,
  logicData,
  pointData,
  secretData,
  type Vouched,
  vouchDigest,
  vouchedData,
  vouchedWitness,
  type WeightedPart,
} from './core/conditions.ts'
export { InvalidOptionError, TallystickError } from './core/errors.ts'
export { type InboundQuote, inboundQuoteDigest, type SignedInboundQuote } from './core/inbound-quote.ts'
export {
  InvalidInvoiceError,
  type Invoice,
  invoiceDigest,
  type PaymentProof,
  type SignedInvoice,
} from './core/invoice.ts'
export { decodeInvoice, encodeInvoice } from './core/invoice-text.ts'
export { due, type Meter } from './core/meter.ts'
export { outcomeKey, secretKey } from './core/outcome.ts'
export {
  assertTip,
  InvalidRelayError,
  type RelayRequest,
  relayClaim,
  relaySubmit,
  relayWithdrawal,
  type Tip,
  withTip,
} from './core/relay.ts'
export { hashState, laneWordOf, stateDigest, validateState } from './core/state.ts'
export { transferLeaf, transfersRoot } from './core/transfer.ts'
export {
  type Address,
  type Channel,
  type ChannelId,
  COIN,
  type Domain,
  type Hex,
  type LedgerRef,
  type LedgerWord,
  type Leg,
  type Member,
  type State,
  type Transfer,
  type Withdrawal,
  type WithdrawalPart,
} from './core/types.ts'
export { hashWithdrawal, withdrawalDigest } from './core/withdrawal.ts'
export { decodeWord, encodeWord } from './core/word.ts'
export { HouseFaultError, HouseMemberError, RefusedByHouseError } from './house/member/errors.ts'
export type {
  LockView as HouseLockView,
  MemberEvent as HouseMemberEvent,
  MemberEventOf as HouseMemberEventOf,
} from './house/member/events.ts'
export { HouseExitFileError } from './house/member/exit-file.ts'
export { type ExitStep as HouseExitStep, exitHouse, type HouseExitOptions } from './house/member/exit-run.ts'
export type { Approval as HouseApproval } from './house/member/grouping.ts'
export { type JoinOptions as JoinHouseOptions, joinHouse } from './house/member/join.ts'
export type { HouseBalance } from './house/member/leaving.ts'
export type { HouseMember, Payee as HousePayee } from './house/member/member.ts'
export { HouseWatchError } from './house/member/watch-file.ts'
export type { HouseRefusal } from './house/messages.ts'
export { LateHouseAnswerError, UnanswerableDemandError } from './house/operator/defence.ts'
export { HouseOverdueError } from './house/operator/epochs.ts'
export type { OperatorEvent as HouseOperatorEvent } from './house/operator/events.ts'
export { type Insurance as HouseInsurance, StakeTooSmallError } from './house/operator/insuring.ts'
export { HouseOperator } from './house/operator/operator.ts'
export type { HouseOperatorOptions, HouseStatus } from './house/operator/options.ts'
export { HouseStoppedError } from './house/operator/refusal.ts'
export type { HouseTower, HouseTowerEvent } from './house/tower/tower.ts'
export { type WatchHouseOptions, watchHouse } from './house/tower/watch-house.ts'
export { type AppEnd, AppInstance, type AppTurn } from './node/apps/app-instance.ts'
export type { StakeOptions, StartAppOptions } from './node/apps/app-options.ts'
export type { AppJudge } from './node/apps/app-proposals.ts'
export { type AppRefusal, AppRefusedError, AppUnknownError, NoArbiterError } from './node/apps/errors.ts'
export { InvalidTermsError, LockTooLongError } from './node/apps/terms.ts'
export {
  VirtualChannel,
  type VirtualChannelOptions,
  type VirtualMove,
  type VirtualState,
} from './node/apps/virtual-channel.ts'
export type {
  ChannelInfo,
  InboundOptions,
  LockToOptions,
  NodeLoad,
  OpenGroupOptions,
  OpenOptions,
  PaymentFilter,
  SwapInvoiceOptions,
  SwapOptions,
} from './node/call-options.ts'
export type { DepositOptions, SignDepositOptions } from './node/chain/deposit.ts'
export type { WithdrawOptions } from './node/chain/withdraw.ts'
export { type Clock, systemClock } from './node/clock.ts'
export {
  DuplicatePaymentError,
  EndedOtherwiseError,
  escapeControls,
  GroupStalledError,
  InvalidQuoteError,
  InvoiceUnknownError,
  MissingKeyError,
  NodeStoppedError,
  NoRouteError,
  type NoRouteReason,
  OutcomeLockUnknownError,
  OutcomeRefusedError,
  PartOverdueError,
  PaymentFailedError,
  PaymentPendingError,
  PeerRefusedError,
  ProofMissingError,
  StoreFailedError,
  SwapRefusedError,
  WishDeclinedError,
  WithdrawalExpiredError,
} from './node/errors.ts'
export type { EventOf, NodeEvent, PaymentEvent } from './node/events.ts'
export {
  Group,
  type GroupPayment,
  type GroupStatus,
  type NettedObligation,
  type Obligation,
} from './node/groups/group.ts'
export type { GroupLeg, GroupLockTerms, GroupTransfer } from './node/groups/locking.ts'
export type { LockedTo, LockJudge, OutcomeLock } from './node/hops/outcomes.ts'
export type { InvoiceTerms } from './node/hops/payee.ts'
export {
  type CarriageTerms,
  DEFAULT_FORWARDING,
  type ForwardingPolicy,
  type Rate,
  type SwapAsk,
} from './node/hops/policy.ts'
export type { PaidInvoice, PayInvoiceOptions, Quote, QuoteOptions, Route, RouteHop } from './node/hops/quote.ts'
export type { AssetAmount, Swapped, SwapQuote } from './node/hops/swaps.ts'
export { BackupError } from './node/leaving/backup.ts'
export { type ExitFile, ExitFileError, type ExitLedger, parseExitFile } from './node/leaving/exit.ts'
export { type ExitOptions, type ExitProgress, NewerStateError, runExit } from './node/leaving/exit-run.ts'
export type { ExitCost, LedgerBalances } from './node/ledgers/balances.ts'
export { ForeignStoreError, UnknownChannelError } from './node/ledgers/book.ts'
export type { ListedPayment } from './node/ledgers/history.ts'
export { Node, type NodeOptions } from './node/node.ts'
export type { AccountingFormat } from './node/payments/accounting.ts'
export type { BulkPayment, BulkReceipt, PayOptions, Receipt } from './node/payments/pay.ts'
export type { CancelOptions, LockedTransfer, LockTerms, UnlockOptions } from './node/payments/transfers.ts'
export { PeerOfflineError, UnknownSchemeError } from './node/peers/peers.ts'
export type { GossipOptions, GossipSettings, NetworkSummary } from './node/routes/gossip.ts'
export type { Rebalanced, RebalanceOptions, RebalanceSettings } from './node/routes/rebalancer.ts'
export type { AppTerms, Stake } from './protocols/app.ts'
export { NotYourTurnError } from './protocols/app-machine.ts'
export type { InboundTerms } from './protocols/inbound.ts'
export { InvoiceRefusedError } from './protocols/invoice-terms.ts'
export { IncompatiblePeerError, PeerViolationError, PROTOCOL_VERSION } from './protocols/messages.ts'
export { DEFAULT_POLICY, type OpeningPolicy } from './protocols/opening.ts'
export type { Price } from './protocols/part.ts'
export { InvalidAmountError, InvalidMemoError, type Payment } from './protocols/payments.ts'
export { InvalidOperationError, type Resolution } from './protocols/pending.ts'
export { type BlockedCode, BlockedError, InsufficientBalanceError } from './protocols/solvency.ts'
export { WithdrawalPendingError } from './protocols/withdrawing.ts'
export { verifyInvoice, verifyReceipt } from './signing/invoice.ts'
export { type Keyring, keyring, newMnemonic } from './signing/keyring.ts'
export type { OnionKey } from './signing/onion-key.ts'
export { sessionSigner, signBatch, signDirect } from './signing/session.ts'
export { recoverSigner, verifySignature } from './signing/signature.ts'
export type { SessionSigner } from './signing/signer.ts'
export { eip1193Wallet, ethersWallet, type OwnerWallet } from './signing/wallet.ts'
export { StoreError } from './storage/errors.ts'
export type { StoreIdentity } from './storage/identity.ts'
export { indexedDbStore } from './storage/indexed-db.ts'
export { memoryStore } from './storage/memory.ts'
export type { Seal } from './storage/seal.ts'
export { sealFile } from './storage/seal-file.ts'
export { openSqlite } from './storage/sqlite.ts'
export type { Store, Write } from './storage/store.ts'
export { TransportError } from './transport/errors.ts'
export { type MemoryNetwork, memoryTransport } from './transport/memory.ts'
export type { TransportOptions } from './transport/secure.ts'
export { tcpTransport } from './transport/tcp.ts'
export type { Connection, Listener, Transport } from './transport/transport.ts'
export { webSocketTransport } from './transport/websocket.ts'
export type { TowerLag } from './watchtower/client.ts'
export type { TowerEvent } from './watchtower/events.ts'
export type { TowerReceipt } from './watchtower/progress.ts'
export { type BrokenPromise, brokenPromises } from './watchtower/receipt.ts'
export type { TowerSpec } from './watchtower/spec.ts'
export { Subscriptions } from './watchtower/subscriptions.ts'
export { type TowerStatus, Watchtower, type WatchtowerOptions } from './watchtower/tower.ts'
