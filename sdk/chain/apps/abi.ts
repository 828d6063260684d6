import { Interface } from 'ethers'

// A test compares this list with the compiled contract, so the SDK needs no build artefact at run time.

/** The arbiter's events, functions and errors in ethers' human-readable form. */
export const ARBITER_ABI = [
  'constructor(address registry_)',
  'error BadSignature(uint256 seat)',
  'error Create2EmptyBytecode()',
  'error FailedDeployment()',
  'error IllegalMove(uint256 version, bytes reason)',
  'error InsufficientBalance(uint256 balance, uint256 needed)',
  'error InvalidShortString()',
  'error MalformedInstance(uint256 length)',
  'error NoApp(address app)',
  'error NoMove()',
  'error NobodysTurn()',
  'error NotConcluded(bytes32 instanceId, uint256 seat)',
  'error NotNewer(uint256 version, uint256 standing)',
  'error StateTooLong(uint256 length, uint256 max)',
  'error StillRunning(uint256 timestamp, uint256 until)',
  'error StringTooLong(string str)',
  'error TimeOver(uint256 timestamp, uint256 until)',
  'error TooLittleGas(uint256 left, uint256 needed)',
  'error VersionOutOfRange(uint256 version)',
  'error WrongStanding(bytes32 instanceId)',
  'event Concluded(bytes32 indexed instanceId, uint256[] values)',
  'event Deployed(address indexed app)',
  'event EIP712DomainChanged()',
  'event Moved(bytes32 indexed instanceId, bytes standing)',
  'event Submitted(bytes32 indexed instanceId, bytes standing)',
  'function agree(bytes instance, bytes state, bytes signatures)',
  'function conclude(bytes instance, bytes standing)',
  'function deploy(bytes initCode) returns (address app)',
  'function eip712Domain() view returns (bytes1 fields, string name, string version, uint256 chainId, address verifyingContract, bytes32 salt, uint256[] extensions)',
  'function evaluate(bytes data, bytes) view returns (uint256)',
  'function idOf(bytes instance) view returns (bytes32)',
  'function move(bytes instance, bytes standing, bytes moves)',
  'function registry() view returns (address)',
  'function submit(bytes instance, uint32 version, bytes state, bytes signatures, bytes moves)',
  'function wordOf(bytes32 instanceId) view returns (uint256)',
] as const

export const arbiterAbi = new Interface(ARBITER_ABI)
