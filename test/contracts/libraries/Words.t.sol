// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Word, Words} from "../../../contracts/types/Ledger.sol";
import {Vm} from "../Vm.sol";

/// @title A ledger's word against a plain struct: what is packed comes out again, and nothing else moves
contract WordsTest {
    Vm private constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    struct Open {
        bool recorded;
        uint16 generation;
        uint16 seq;
        int112 even;
        int112 odd;
    }

    function open(
        bool recorded,
        uint16 generation,
        uint16 seq,
        int112 even,
        int112 odd
    ) private pure returns (Open memory) {
        return Open(recorded, generation & 0x7fff, seq & 0x7fff, even, odd);
    }

    function pack(Open memory o) private pure returns (Word) {
        uint256 head = (((o.recorded ? 1 << 15 : 0) | uint256(o.generation)) << 15) | o.seq;
        return Word.wrap(uint256(bytes32(abi.encodePacked(uint32(head), o.odd, o.even))));
    }

    function assertOpen(Word word, Open memory o) private pure {
        vm.assertTrue(!word.disputed(), "open");
        vm.assertTrue(word.recorded() == o.recorded, "recorded");
        vm.assertEq(word.generation(), o.generation, "generation");
        vm.assertEq(word.seq(), o.seq, "seq");
        vm.assertEq(word.balance(0), o.even, "even");
        vm.assertEq(word.balance(1), o.odd, "odd");
    }

    /// @notice Every field is read where it was written.
    function testFuzz_ReadsEveryField(
        bool recorded,
        uint16 generation,
        uint16 seq,
        int112 even,
        int112 odd
    ) external pure {
        Open memory o = open(recorded, generation, seq, even, odd);
        assertOpen(pack(o), o);
        vm.assertTrue(pack(o).takesDeposits() == (o.generation < 32_767), "takes deposits but at its end");
    }

    /// @notice C41: a balance takes any int112 and nothing beyond; the rest of the word stays.
    function testFuzz_C41_SetsABalance(
        bool recorded,
        uint16 seq,
        int112 even,
        int112 odd,
        int256 value,
        bool side
    ) external view {
        Open memory o = open(recorded, 7, seq, even, odd);
        if (seq % 2 == 0) value >>= 144;
        bool fits = value >= type(int112).min && value <= type(int112).max;
        try this.withBalance(pack(o), side ? 1 : 0, value) returns (Word word) {
            vm.assertTrue(fits, "fits");
            if (side) o.odd = int112(value);
            else o.even = int112(value);
            assertOpen(word, o);
        } catch (bytes memory reason) {
            vm.assertTrue(!fits, "does not fit");
            bytes32 expected = keccak256(abi.encodeWithSelector(Words.BalanceOutOfRange.selector, value));
            vm.assertEq(keccak256(reason), expected, "error");
        }
    }

    function withBalance(Word word, uint256 side, int256 value) external pure returns (Word) {
        return word.withBalance(side, value);
    }

    /// @notice The next seq changes nothing else, below the last one.
    function testFuzz_TheNextSeq(bool recorded, uint16 generation, uint16 seq, int112 even, int112 odd) external pure {
        Open memory o = open(recorded, generation, seq, even, odd);
        if (o.seq == Words.LAST_SEQ) return;
        Word word = pack(o).withNextSeq().withRecorded();
        (o.recorded, o.seq) = (true, o.seq + 1);
        assertOpen(word, o);
    }

    /// @notice The next generation is zero but for its number, and the last one has no next.
    function testFuzz_TheNextGeneration(
        bool recorded,
        uint16 generation,
        uint16 seq,
        int112 even,
        int112 odd
    ) external pure {
        Open memory o = open(recorded, generation, seq, even, odd);
        uint16 next = o.generation == 32_767 ? 32_767 : o.generation + 1;
        assertOpen(pack(o).withNextGeneration(), Open(false, next, 0, 0, 0));
    }

    /// @notice C18: a disputed word keeps generation and `recorded`, and shows expiry and commitment.
    function testFuzz_C18_ADisputedWord(
        bool recorded,
        uint16 generation,
        uint16 seq,
        int112 even,
        int112 odd,
        uint40 expiry,
        bytes32 hash
    ) external pure {
        Open memory o = open(recorded, generation, seq, even, odd);
        Word word = pack(o).withDispute(expiry, Words.commit(hash));
        vm.assertTrue(word.disputed() && !word.takesDeposits(), "disputed");
        vm.assertTrue(word.recorded() == o.recorded, "recorded");
        vm.assertEq(word.generation(), o.generation, "generation");
        vm.assertEq(word.expiry(), expiry, "expiry");
        vm.assertEq(word.commitment(), uint256(hash) % (1 << 199), "commitment");
        vm.assertTrue(word.withRecorded().recorded() && word.withRecorded().expiry() == expiry, "recorded later");
    }
}
