// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Escrow} from "../../../contracts/apps/Escrow.sol";
import {RulesBase} from "./RulesBase.sol";

contract EscrowTest is RulesBase {
    uint8 private constant BUYER = 0;
    uint8 private constant SELLER = 1;
    uint8 private constant REFEREE = 2;
    uint8 private constant DECIDED = 3;
    uint64 private constant FALLBACK = 0.3e18;

    function name() internal pure override returns (string memory) {
        return "Escrow";
    }

    function opening() internal pure override returns (bytes memory) {
        return stateOf(BUYER, 0);
    }

    function stateOf(uint8 turn, uint64 toSeller) private pure returns (bytes memory) {
        return abi.encode(Escrow.State(turn, toSeller, FALLBACK));
    }

    function act(Escrow.Action action) private pure returns (bytes memory) {
        return abi.encode(Escrow.Move(action, 0));
    }

    function divide(uint256 toSeller) private pure returns (bytes memory) {
        return abi.encode(Escrow.Action.Divide, toSeller);
    }

    function givesSeller(bytes memory state, uint256 value) private view {
        gives(state, list(ONE - value, value, 0));
    }

    function isDecided(bytes memory state, uint256 value) private {
        givesSeller(state, value);
        for (uint256 action; action <= uint256(type(Escrow.Action).max); ++action) {
            isOver(state, act(Escrow.Action(action)), Escrow.Over.selector);
        }
    }

    function test_TheBuyerReleases() external {
        isDecided(play(opening(), BUYER, act(Escrow.Action.Release)), ONE);
    }

    function test_TheSellerRefundsWhatTheBuyerRefuses() external {
        bytes memory state = play(opening(), BUYER, act(Escrow.Action.Refuse));
        isDecided(play(state, SELLER, act(Escrow.Action.Refund)), 0);
    }

    function testFuzz_TheRefereeDividesAfterEitherCalls(uint256 toSeller, bool bySeller) external {
        toSeller %= ONE + 1;
        bytes memory state = opening();
        if (bySeller) state = play(state, BUYER, act(Escrow.Action.Refuse));
        state = play(state, bySeller ? SELLER : BUYER, act(Escrow.Action.Call));
        isDecided(play(state, REFEREE, divide(toSeller)), toSeller);
    }

    /// @notice A silent buyer releases, a silent seller refunds, and for a silent referee stands what was agreed at the opening.
    function test_SilenceHasAnOutcomeInEveryPhase() external view {
        givesSeller(opening(), ONE);
        bytes memory refused = play(opening(), BUYER, act(Escrow.Action.Refuse));
        givesSeller(refused, 0);
        givesSeller(play(refused, SELLER, act(Escrow.Action.Call)), FALLBACK);
        givesSeller(play(opening(), BUYER, act(Escrow.Action.Call)), FALLBACK);
    }

    /// @notice Nobody acts for another seat.
    function test_RefusesWhatOnlyAnotherSeatMayDo() external {
        for (uint8 seat; seat < 3; ++seat) {
            for (uint256 i; i <= uint256(type(Escrow.Action).max); ++i) {
                Escrow.Action action = Escrow.Action(i);
                bool allowed = seat == REFEREE ? action == Escrow.Action.Divide : action == Escrow.Action.Call;
                if (seat == BUYER)
                    allowed = allowed || action == Escrow.Action.Release || action == Escrow.Action.Refuse;
                if (seat == SELLER) allowed = allowed || action == Escrow.Action.Refund;
                if (allowed) play(stateOf(seat, 0), seat, act(action));
                else
                    refuses(
                        stateOf(seat, 0),
                        act(action),
                        abi.encodeWithSelector(Escrow.NotAllowed.selector, seat, action)
                    );
            }
        }
    }

    function testFuzz_RefusesToDivideMoreThanAll(uint64 toSeller) external {
        if (toSeller <= ONE) return;
        bytes memory reason = abi.encodeWithSelector(Escrow.MoreThanAll.selector, toSeller);
        refuses(stateOf(REFEREE, 0), divide(toSeller), reason);
        isWorthless(stateOf(DECIDED, toSeller), reason);
        isWorthless(abi.encode(Escrow.State(BUYER, 0, toSeller)), reason);
    }

    function testFuzz_RefusesAnActionThatIsNone(uint256 action) external {
        if (action <= uint256(type(Escrow.Action).max)) return;
        vm.expectRevert();
        app.advance(opening(), abi.encode(action, 0));
    }

    function testFuzz_ATurnThatIsNobodysIsWorthless(uint8 turn) external {
        if (turn <= DECIDED) return;
        isWorthless(stateOf(turn, 0), abi.encodeWithSelector(Escrow.NoSuchTurn.selector, turn));
    }
}
