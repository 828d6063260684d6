import { Interface } from 'ethers'

// What the SDK uses of the contracts of houses; a test compares it with what they compile to.

const TALLY = '(uint256 depth, bytes32 node, uint256[] sums)'
const EPOCH = `(uint64 number, uint64 cutTime, uint64 cut, bytes32 cutHash, ${TALLY} members, uint256[] left, ${TALLY} limits)`
const LINE =
  '(uint128 deposited, uint128 credits, uint128 debits, uint128 locked, uint128 paid, uint128 refunded, uint128 withdrawn, uint128 leaving)'
const LEAF = `(bytes32 member, uint64 seq, bytes32 locks, bytes32 statuses, bytes32 payments, bytes32 income, ${LINE}[] lines)`
const IDENTITY = '(address signer, address owner)'
const PROOF = `(uint256 index, ${LEAF} leaf, bytes32[] path)`
const CLAIM = `(uint256 index, ${LEAF} leaf, ${IDENTITY} identity)`
const POSTING =
  '(uint64 number, bytes32 previous, bytes32 member, uint8 asset, uint128 amount, uint128 deposited, uint128 requested, uint128[] totals)'
const ACCOUNT =
  '(bytes32 member, uint32 index, uint64 epoch, uint64 seq, uint128[] debits, uint128[] locked, bytes32 locks, bytes32 payments)'
const RECEIPT = '(bytes32 member, uint32 index, uint64 epoch, uint64 seq, uint128[] credits, bytes32 income)'
const PAYMENT =
  '(bytes32 from, bytes32 to, uint64 epoch, uint32 position, uint8 asset, uint128 amount, bytes32 group, uint32 leg)'
const LOCK = '(bytes32 to, uint8 asset, uint128 amount, bytes32 key, uint64 deadline, uint64 epoch)'
const LOCK_RECEIPT = '(bytes32 payer, uint32 index, uint32 position, bytes32 lock)'
const MEMBERSHIP = `(${RECEIPT} receipt, bytes signature)`
const EVIDENCE = `(bytes32 member, ${ACCOUNT}[] accounts, ${RECEIPT}[] receipts, ${POSTING}[] postings, bytes[] signatures)`
const LEAF_DEMAND =
  '(uint64 epoch, bytes32 member, uint32 index, uint64 since, uint64 seq, uint128[] credits, uint128[] deposited, uint128[] requested)'
const DEBIT_DEMAND =
  '(uint8 about, uint64 epoch, bytes32 from, bytes32 to, bool isLock, uint32 position, bytes32 entry, uint32 leg, uint32 fromIndex, uint32 toIndex, bool proven)'
const DEBIT = `address house, ${DEBIT_DEMAND} demand`
const ABSENCE = `(${EPOCH} epoch, ${PROOF} proof, bytes32 entry, uint256[] sums, bytes32[] path)`
const RELEASE = `(${IDENTITY} payee, bytes signature, ${PAYMENT}[] payments, ${EPOCH}[] epochs, ${PROOF}[] proofs, uint256 position, bytes32[] path)`
const STATEMENT = `(${ACCOUNT}[] accounts, ${RECEIPT}[] receipts, bytes signature, ${EPOCH}[] epochs, ${PROOF}[] leaves)`

const VAULT_ABI = [
  'function claim(address asset, address to)',
  'function claimable(address asset, address owner) view returns (uint256 amount)',
]

/** A house's events and functions. */
export const HOUSE_ABI = [
  ...VAULT_ABI,
  'constructor((address court, address operator, address registry, address[] assets, uint32 interval, uint32 window, uint32 answerTime, uint32 answerTimeEach, uint32 answerTimeMost) terms)',
  'event Collected(uint256 indexed epoch, uint256[] indices)',
  `event Committed(uint256 indexed number, ${EPOCH} epoch)`,
  'event Deposited(bytes32 indexed member, address indexed owner, address signer, uint256 number, uint8 asset, uint256 amount)',
  'event Finalized(uint256 number)',
  'event Requested(bytes32 indexed member, address indexed owner, address signer, uint256 number, uint8 asset, uint256 target)',
  'function advance(uint256 most)',
  'function assetAt(uint256 asset) view returns (address)',
  `function collect(${EPOCH} epoch, ${CLAIM}[] claims, bytes32[] path)`,
  `function commit(${EPOCH} previous, ${EPOCH} next, ${POSTING} posting)`,
  'function court() view returns (address)',
  'function deposit(address signer, address owner, uint8 asset, uint256 amount) payable',
  'function depositWithPermit(address signer, address owner, uint8 asset, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)',
  'function eip712Domain() view returns (bytes1 fields, string name, string version, uint256 chainId, address verifyingContract, bytes32 salt, uint256[] extensions)',
  'function epochWord(uint256 number) view returns (uint256)',
  `function exit(${EPOCH} epoch, ${CLAIM}[] claims, bytes32[] path)`,
  `function exitLock(${EPOCH} epoch, ${PROOF} proof, ${IDENTITY} payer, ${IDENTITY} payee, uint256 position, ${LOCK} lock, bytes32[] statusPath)`,
  'function finalized() view returns (uint256)',
  'function interval() view returns (uint256)',
  'function isFailed(uint256 number) view returns (bool)',
  'function isRunning() view returns (bool)',
  'function isSettled() view returns (bool)',
  'function lastCommitted() view returns (uint256)',
  'function postingCount() view returns (uint256)',
  'function postingHash(uint256 number) view returns (bytes32)',
  `function refund(${EPOCH} epoch, ${POSTING} posting, ${IDENTITY} identity)`,
  'function request(address signer, uint8 asset, uint128 target)',
  'function rules() view returns ((address operator, address registry, uint256 assets, uint256 answerTime, uint256 answerTimeEach, uint256 answerTimeMost))',
  'function stake() view returns (address)',
  'function standing(bytes32 member, uint8 asset) view returns (uint128 deposited, uint128 requested)',
  'function window() view returns (uint256)',
]

/** The court's. */
export const COURT_ABI = [
  ...VAULT_ABI,
  'event Answered(address indexed house, uint256 indexed epoch, bytes32 indexed id)',
  `event DebitDemanded(address indexed house, uint256 indexed epoch, bytes32 indexed id, ${DEBIT_DEMAND} demand)`,
  `event LeafDemanded(address indexed house, uint256 indexed epoch, bytes32 indexed id, ${LEAF_DEMAND} demand)`,
  `function answerByAbsence(${DEBIT}, ${ABSENCE} absence)`,
  `function answerByRelease(${DEBIT}, ${RELEASE} release)`,
  `function answerCredit(${DEBIT}, ${PAYMENT} payment, ${EPOCH} epoch, ${PROOF} proof, uint256 position, bytes32[] path)`,
  `function answerLeaf(address house, ${LEAF_DEMAND} demand, ${IDENTITY} identity, ${EPOCH}[2] epochs, ${PROOF}[2] proofs, ${ACCOUNT} account, bytes signature, ${TALLY} statuses, ${TALLY} income)`,
  `function answerLeg(${DEBIT}, ${PAYMENT} payment, ${PAYMENT} leg, ${EPOCH} epoch, ${PROOF} proof, bytes32[] path, bytes32[] legPath)`,
  `function answerLock(${DEBIT}, ${LOCK} lock, ${EPOCH} epoch, ${PROOF} proof, bytes32[] path, bytes32[] statusPath)`,
  `function answerLockCredit(${DEBIT}, ${LOCK} lock, ${EPOCH} epoch, ${PROOF} proof, uint256 position, bytes32[] path)`,
  `function answerNoLeg(${DEBIT}, ${PAYMENT} payment, bytes32 entry, uint256[] sums, bytes32[] path)`,
  'function bondFor(address house, uint256 epoch) view returns (uint256)',
  `function challengeCredit(address house, ${PAYMENT} payment, ${MEMBERSHIP} payer, ${MEMBERSHIP} payee) payable`,
  `function challengeLeaf(address house, ${EPOCH} epoch, ${EVIDENCE} evidence) payable`,
  `function challengeLeg(address house, ${PAYMENT} payment, uint32 leg, ${MEMBERSHIP} payer, ${MEMBERSHIP} other) payable`,
  `function challengeLock(address house, ${EPOCH} epoch, ${LOCK_RECEIPT} receipt, ${LOCK} lock, bytes signature, ${MEMBERSHIP} payer, ${MEMBERSHIP} payee) payable`,
  `function challengeLockCredit(address house, ${EPOCH} previous, ${EPOCH} epoch, ${LOCK_RECEIPT} receipt, ${LOCK} lock, bytes signature, ${MEMBERSHIP} payer, ${MEMBERSHIP} payee) payable`,
  'function reclaim(address house, bytes32 demand)',
]

/** The stake's. */
export const STAKE_ABI = [
  ...VAULT_ABI,
  'event Convicted(address by)',
  'event InsuredClaimed(uint256 indexed index, bytes32 indexed member)',
  'function add(uint256 asset, uint256 amount) payable',
  `function claimInsured(${EPOCH} epoch, ${PROOF} proof, ${RECEIPT} receipt, bytes signature, uint256[] limits, bytes32[] limitPath)`,
  `function convict(${STATEMENT} one, ${STATEMENT} other)`,
  `function lower(${IDENTITY} identity, ${ACCOUNT} account, bytes signature)`,
  'function noticeOf(uint256 asset) view returns (uint128 amount, uint64 epoch)',
  `function payInsured(uint256 index, ${IDENTITY} identity)`,
  'function staked(uint256 asset) view returns (uint256)',
]

export const houseAbi = new Interface(HOUSE_ABI)
export const courtAbi = new Interface(COURT_ABI)
export const stakeAbi = new Interface(STAKE_ABI)
