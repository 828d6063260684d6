import { Interface } from 'ethers'

// A test compares these lists with the compiled contracts, so the SDK needs no build artefact at run time.
const STATE = 'tuple(uint8 lane, uint64 version, int256[] credits, uint256 locked, bytes32 transfersRoot)'
const PART = 'tuple(uint8 member, uint256 amount, address to, bytes32 toChannel, uint8 toMember)'
const WITHDRAWAL = `tuple(uint16 seq, ${PART}[] parts, bool closing, uint64 validUntil, uint64 dispute)`
const LEG = 'tuple(uint8 to, bytes32 key)'
const TRANSFER = `tuple(uint128 amount, uint64 deadline, uint8 refundTo, ${LEG}[] legs)`
const LANE_TRANSFERS = `tuple(uint8 lane, bytes32[] leaves, ${TRANSFER}[] shown)`
const RESERVE = 'tuple(uint8 lane, uint256 locked, uint256 reserved, bytes32 root)'
const DEPOSIT = 'tuple(bytes32 channelId, uint256 member, address asset, uint256 amount)'
const COLLECTION = 'tuple(bytes channel, uint256 member, address asset, bool toOwner)'

/** The adjudicator's functions, events and errors in ethers' human-readable form. */
export const ADJUDICATOR_ABI = [
  'event Announced(bytes32 indexed channelId, address indexed owner, address indexed signer, bytes channel)',
  'event Deposited(bytes32 indexed channelId, address asset, uint256 member, uint256 word)',
  'event Withdrawn(bytes32 indexed channelId, address asset, uint256 word)',
  'event Challenged(bytes32 indexed channelId, address asset, uint256 word, uint256[] base)',
  'event Raised(bytes32 indexed channelId, address asset, uint256 word, uint256[] lanes)',
  'event Settled(bytes32 indexed channelId, address asset, uint256 word)',
  `event Reserved(bytes32 indexed channelId, address asset, uint256 generation, ${RESERVE}[] reserves)`,
  'event Redeemed(bytes32 indexed channelId, address asset, uint256 generation, uint256[] payouts)',
  'event Claimable(address indexed asset, address indexed owner, uint256 amount)',
  'event Claimed(address indexed asset, address indexed owner, address to, uint256 amount)',

  'function announce(bytes channel)',
  'function depositCoin(bytes32 channelId, uint256 member) payable',
  'function deposit(bytes32 channelId, uint256 member, address asset, uint256 amount) payable',
  `function depositBatch(${DEPOSIT}[] deposits) payable`,
  'function depositAnnounced(bytes channel, uint256 member, address asset, uint256 amount) payable',
  'function depositWithPermit(bytes32 channelId, uint256 member, address asset, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)',
  'function depositWithPermit2(bytes32 channelId, uint256 member, address asset, uint256 amount, address from, uint256 nonce, uint256 deadline, bytes signature)',
  'function depositWithAuthorization(bytes32 channelId, uint256 member, address asset, uint256 amount, address from, uint256 validAfter, uint256 validBefore, bytes32 salt, uint8 v, bytes32 r, bytes32 s)',
  'function depositAddress(bytes32 channelId, uint256 member) view returns (address)',
  `function collect(${COLLECTION}[] collections)`,
  `function withdraw(bytes channel, address asset, ${WITHDRAWAL} withdrawal, bytes[] sigs, uint256[] base, bytes[] targets)`,
  `function submit(bytes channel, address asset, ${STATE}[] states, bytes[] sigs)`,
  `function checkpoint(bytes channel, address asset, ${STATE}[] states, bytes[] sigs)`,
  `function settle(bytes channel, address asset, uint256[] base, ${STATE}[] states, ${LANE_TRANSFERS}[] transfers)`,
  `function redeem(bytes channel, address asset, uint256 generation, ${RESERVE}[] reserves, ${LANE_TRANSFERS}[] transfers)`,
  'function claim(address asset, address to)',
  'function claimFor(address asset, address owner, address to, uint256 amount, uint64 validUntil, bytes signature)',
  'function wordOf(bytes32 channelId, address asset, uint256 pair) view returns (uint256)',
  'function laneOf(bytes32 channelId, address asset, uint256 generation, uint256 lane) view returns (uint256)',
  'function recordOf(bytes32 channelId, address asset, uint256 generation) view returns (bytes32)',
  'function claimable(address asset, address owner) view returns (uint256 amount)',
  'function nonces(address owner) view returns (uint256)',
  'function registry() view returns (address)',
  'function collecting() view returns (address)',
  'function eip712Domain() view returns (bytes1 fields, string name, string version, uint256 chainId, address verifyingContract, bytes32 salt, uint256[] extensions)',
  'event EIP712DomainChanged()',

  'error AlreadyDisputed(uint256 expiry)',
  'error BadSignature(address signer)',
  'error BalanceOutOfRange(int256 balance)',
  'error CreditOutOfRange(int256 credit)',
  'error DepositRefused(bytes32 channelId, address asset)',
  'error DisputeOver(uint256 timestamp, uint256 expiry)',
  'error DisputeRunning(uint256 timestamp, uint256 expiry)',
  'error Expired(uint256 timestamp, uint256 validUntil)',
  'error FailedCall()',
  'error InsufficientBalance(uint256 balance, uint256 needed)',
  'error InvalidAccountNonce(address account, uint256 currentNonce)',
  'error InvalidShortString()',
  'error LastSeq()',
  'error MalformedChannel(uint256 length)',
  'error NeedsOwner(address owner)',
  'error NoSuchLane(uint256 lane, uint256 count)',
  'error NoSuchMember(uint256 member, uint256 count)',
  'error NotDisputed()',
  'error NotMember(address sender)',
  'error NotOwner(address sender, address owner)',
  'error NotZero(int256 left)',
  'error NothingRose()',
  'error NothingToClaim(uint256 asked, uint256 held)',
  'error Overdrawn(int256 left)',
  'error PeriodOutOfRange(uint256 period, uint256 min, uint256 max)',
  'error ReentrancyGuardReentrantCall()',
  'error SafeERC20FailedOperation(address token)',
  'error ShownMismatch(uint256 shown, uint256 marked)',
  'error StringTooLong(string str)',
  'error TooLittleGas(uint256 left, uint256 needed)',
  'error TooManyLegs(uint256 count, uint256 max)',
  'error TooManyStates(uint256 given, uint256 needed)',
  'error TooManyTransfers(uint256 count, uint256 max)',
  'error Unbalanced(int256 sum, uint256 locked)',
  'error UnsortedLane(uint256 lane)',
  'error UnsortedMember(uint256 member)',
  'error WrongBase(uint256 committed, uint256 given)',
  'error WrongCredits(uint256 count, uint256 members)',
  'error WrongDispute(uint256 named, uint256 running)',
  'error WrongRecord(bytes32 held, bytes32 given)',
  'error WrongSeq(uint256 given, uint256 needed)',
  'error WrongSignatureCount(uint256 given, uint256 needed)',
  'error WrongState(uint256 lane, uint256 newest, uint256 given)',
  'error WrongTransfers(bytes32 expected, bytes32 actual)',
  'error WrongValue(uint256 sent, uint256 needed)',
  'error ZeroVersion()',
] as const

/** The outcome registry's. */
export const REGISTRY_ABI = [
  'event Recorded(bytes32 indexed key, uint256 value)',
  'error NotAnAnswer(address condition, uint256 size, uint256 value)',
  'function reveal(bytes32 secret) returns (bytes32)',
  'function revealBatch(bytes32[] secrets)',
  'function record(address condition, bytes data, bytes witness) returns (bytes32)',
  'function recordBatch(address[] conditions, bytes[] data, bytes[] witnesses)',
  'function outcome(bytes32 key) view returns (uint256 value, uint256 recordedAt)',
  'function outcomes(bytes32[] keys) view returns (uint256[] packed)',
  'function keyOf(address condition, bytes32 dataHash) view returns (bytes32)',
] as const

/** What the SDK uses of a token: ERC-20, and ERC-2612 where it has it. */
export const TOKEN_ABI = [
  'function balanceOf(address account) view returns (uint256)',
  'function allowance(address owner, address spender) view returns (uint256)',
  'function approve(address spender, uint256 amount) returns (bool)',
  'function nonces(address owner) view returns (uint256)',
  'function DOMAIN_SEPARATOR() view returns (bytes32)',
  'function version() view returns (string)',
  'function name() view returns (string)',
  'function symbol() view returns (string)',
  'function decimals() view returns (uint8)',
  'error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed)',
  'error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed)',
  'error ERC2612ExpiredSignature(uint256 deadline)',
  'error ERC2612InvalidSigner(address signer, address owner)',
] as const

export const adjudicatorAbi = new Interface(ADJUDICATOR_ABI)
export const registryAbi = new Interface(REGISTRY_ABI)
export const tokenAbi = new Interface(TOKEN_ABI)
